ta_library(ta_reporter
  SOURCES reporter_agent_posix.cpp reporter_log.cpp reporter_signals_posix.cpp
  DEPENDS ta_base ta_protocol
  PRIVATE_DEPENDS ta_protocol_zmq)
