// Keeps the library non-empty until its rooms are filled.
const char *blur_runtime_version(void);
const char *blur_runtime_version(void) { return "0.1.0"; }
