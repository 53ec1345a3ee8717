# base/stamp_version.cmake in a checkout of its own: cmake -DSCRIPT=… -DFOLDER=… -P stamp_version_test.cmake
file(REMOVE_RECURSE ${FOLDER})
file(MAKE_DIRECTORY ${FOLDER}/checkout ${FOLDER}/elsewhere)
set(stamp ${FOLDER}/version.cpp)
set(ENV{GIT_CEILING_DIRECTORIES} ${FOLDER})  # the checkout around the build folder does not count

function(git)
  execute_process(COMMAND git -C ${FOLDER}/checkout -c init.defaultBranch=main -c user.name=test -c user.email=test@example.org ${ARGN}
                  OUTPUT_QUIET COMMAND_ERROR_IS_FATAL ANY)
endfunction()

function(expect_version source expected)
  execute_process(COMMAND ${CMAKE_COMMAND} -DSOURCE=${source} -DVERSION=1.2.3 -DOUTPUT=${stamp} -P ${SCRIPT}
                  COMMAND_ERROR_IS_FATAL ANY)
  file(READ ${stamp} text)
  if(NOT text MATCHES "kVersion = \"${expected}\";")
    message(FATAL_ERROR "expected a version like ${expected}, found\n${text}")
  endif()
endfunction()

expect_version(${FOLDER}/elsewhere "1\\.2\\.3\\+unknown")
git(init)
file(WRITE ${FOLDER}/checkout/code "one")
git(add code)
git(commit -m first)
expect_version(${FOLDER}/checkout "1\\.2\\.3\\+g[0-9a-f]+")

# Said once, a version is not written again.
file(TIMESTAMP ${stamp} before "%s")
execute_process(COMMAND ${CMAKE_COMMAND} -E sleep 1.1)
expect_version(${FOLDER}/checkout "1\\.2\\.3\\+g[0-9a-f]+")
file(TIMESTAMP ${stamp} after "%s")
if(NOT before STREQUAL after)
  message(FATAL_ERROR "the stamp was written again, though it says the same")
endif()

file(WRITE ${FOLDER}/checkout/notes "untracked")
expect_version(${FOLDER}/checkout "1\\.2\\.3\\+g[0-9a-f]+")
file(WRITE ${FOLDER}/checkout/code "two")
expect_version(${FOLDER}/checkout "1\\.2\\.3\\+g[0-9a-f]+\\+dirty")
git(commit -a -m second)
expect_version(${FOLDER}/checkout "1\\.2\\.3\\+g[0-9a-f]+")
file(REMOVE_RECURSE ${FOLDER})
