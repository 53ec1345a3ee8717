# What `./dev fault checkpoint` kills; a short round of it is a test.
add_executable(checkpoint_fault checkpoint/checkpoint_fault.cpp)
set_target_properties(checkpoint_fault PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
target_link_libraries(checkpoint_fault PRIVATE ta_options ta_checkpoint ta_test_ranks nlohmann_json::nlohmann_json)
find_program(TAGALIGN_PYTHON python3 REQUIRED)
add_test(NAME CheckpointFault.KillsAndDamages_LoadNothingWrong
  COMMAND ${TAGALIGN_PYTHON} ${CMAKE_CURRENT_SOURCE_DIR}/checkpoint/fault.py --no-peers --kills 40 --damages 80
          --program $<TARGET_FILE:checkpoint_fault>)
set_tests_properties(CheckpointFault.KillsAndDamages_LoadNothingWrong PROPERTIES LABELS fault TIMEOUT 120)
