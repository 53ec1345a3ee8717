# Runs one group of golden_check on the whole golden data, which lies outside the repository: in
# $TAGALIGN_SHARED/golden, else ../shared/golden. Prints what CTest takes for a skip when it is absent.
#   cmake -DPROGRAM=golden_check -DGROUP=clip -DSOURCE=DIR -P shared_golden.cmake
# With -DMETHOD=tcl the group is one of that method, and its data lies in golden-methods/tcl.
if(DEFINED ENV{TAGALIGN_SHARED})
  set(shared $ENV{TAGALIGN_SHARED})
else()
  set(shared ${SOURCE}/../shared)
endif()
set(folder ${shared}/golden)
set(name ${GROUP})
if(DEFINED METHOD)
  set(folder ${shared}/golden-methods/${METHOD})
  set(name ${METHOD}.${GROUP})
endif()
if(NOT EXISTS ${folder}/${GROUP})
  message("SKIPPED: ${folder}/${GROUP} is absent: set TAGALIGN_SHARED to the folder that holds golden/ and golden-methods/")
  return()
endif()
execute_process(COMMAND ${PROGRAM} ${folder} ${name} RESULT_VARIABLE status)
if(NOT status EQUAL 0)
  message(FATAL_ERROR "golden_check ended with ${status}")
endif()
