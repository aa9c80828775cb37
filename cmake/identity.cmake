# Writes OUTPUT, a header that defines NAME as one hash over the files INPUTS and the text SALT.
set(all "${SALT}")
foreach(input ${INPUTS})
  file(SHA256 ${input} hash)
  string(APPEND all ${hash})
endforeach()
string(SHA256 identity "${all}")
file(WRITE ${OUTPUT} "#define ${NAME} \"${identity}\"\n")
