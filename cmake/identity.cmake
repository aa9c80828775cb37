# Writes OUTPUT, a header with one hash over the files INPUTS.
set(all "")
foreach(input ${INPUTS})
  file(SHA256 ${input} hash)
  string(APPEND all ${hash})
endforeach()
string(SHA256 identity "${all}")
file(WRITE ${OUTPUT} "#define BACKEND_IDENTITY \"${identity}\"\n")
