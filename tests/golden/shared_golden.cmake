# Runs one group of golden_check on the whole golden data, which lies outside the repository: in
# $TAGALIGN_SHARED/golden, else ../shared/golden. Prints what CTest takes for a skip when it is absent.
#   cmake -DPROGRAM=golden_check -DGROUP=clip -DSOURCE=DIR -P shared_golden.cmake
if(DEFINED ENV{TAGALIGN_SHARED})
  set(shared $ENV{TAGALIGN_SHARED})
else()
  set(shared ${SOURCE}/../shared)
endif()
if(NOT EXISTS ${shared}/golden/${GROUP})
  message("SKIPPED: ${shared}/golden/${GROUP} is absent: set TAGALIGN_SHARED to the folder that holds golden/")
  return()
endif()
execute_process(COMMAND ${PROGRAM} ${shared}/golden ${GROUP} RESULT_VARIABLE status)
if(NOT status EQUAL 0)
  message(FATAL_ERROR "golden_check ended with ${status}")
endif()
