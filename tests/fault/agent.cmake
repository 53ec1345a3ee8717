# Programs that the agent's fault tests start and kill; they lie beside the test.
foreach(program agent_program rank_program)
  add_executable(${program} ${program}.cpp)
  set_target_properties(${program} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
endforeach()
target_link_libraries(agent_program PRIVATE ta_options ta_agent)
target_link_libraries(rank_program PRIVATE ta_options ta_reporter)
# The stacks of a hung rank are told by the names that its program exports.
set_target_properties(rank_program PROPERTIES ENABLE_EXPORTS ON)

ta_test(agent_faults_test LABEL fault
  SOURCES agent_faults_test.cpp
  DEPENDS ta_keys)
add_dependencies(agent_faults_test agent_program rank_program)

ta_test(hangs_test LABEL fault
  SOURCES hangs_test.cpp
  DEPENDS ta_keys
  TIMEOUT 180)
add_dependencies(hangs_test agent_program rank_program)

ta_test(gang_hosts_test SERIAL LABEL fault
  SOURCES gang_hosts_test.cpp
  DEPENDS ta_gang_hosts
  TIMEOUT 180)
add_dependencies(gang_hosts_test rank_program tagalign)

ta_test(gang_slurm_test SERIAL LABEL fault
  SOURCES gang_slurm_test.cpp
  DEPENDS ta_gang_hosts
  TIMEOUT 300)
add_dependencies(gang_slurm_test rank_program tagalign)

ta_test(gang_times_test SERIAL LABEL slow
  SOURCES gang_times_test.cpp
  DEPENDS ta_gang_hosts
  TIMEOUT 600)
add_dependencies(gang_times_test rank_program tagalign)
