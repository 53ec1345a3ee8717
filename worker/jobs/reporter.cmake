ta_library(ta_reporter
  SOURCES reporter_agent_posix.cpp reporter_log.cpp reporter_signals_posix.cpp
  DEPENDS ta_base ta_protocol)
if(TARGET ta_protocol_zmq)
  target_link_libraries(ta_reporter PUBLIC ta_protocol_zmq)
endif()
