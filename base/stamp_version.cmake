# Writes OUTPUT, a source file that defines kVersion, from VERSION and the state of the checkout SOURCE; leaves the file
# alone when it says so already, so that nothing is compiled again. Run by every build:
#   cmake -DSOURCE=… -DVERSION=… -DOUTPUT=… -P stamp_version.cmake
execute_process(COMMAND git -C ${SOURCE} rev-parse --short=12 HEAD
                OUTPUT_VARIABLE commit OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET RESULT_VARIABLE no_commit)
execute_process(COMMAND git --no-optional-locks -C ${SOURCE} status --porcelain --untracked-files=no
                OUTPUT_VARIABLE changes ERROR_QUIET RESULT_VARIABLE no_status)
# Untracked files do not count: none is compiled unless a tracked one names it.
if(NOT no_commit EQUAL 0 OR NOT no_status EQUAL 0)
  string(APPEND VERSION "+unknown")
elseif(changes STREQUAL "")
  string(APPEND VERSION "+g${commit}")
else()
  string(APPEND VERSION "+g${commit}+dirty")
endif()
set(text "#include \"base/version.h\"\n\nnamespace tagalign {\nconst char* const kVersion = \"${VERSION}\";\n}  // namespace tagalign\n")
set(old "")
if(EXISTS ${OUTPUT})
  file(READ ${OUTPUT} old)
endif()
if(NOT text STREQUAL old)
  file(WRITE ${OUTPUT} "${text}")
endif()
