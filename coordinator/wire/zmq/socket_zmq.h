/// What both sides of the zmq transport share. Private to wire/zmq.
#pragma once

#include <chrono>
#include <span>
#include <string>
#include <zmq.hpp>

#include "base/file_system.h"
#include "base/status.h"

namespace tagalign::wire {

/// ok when the socket's folder is the user's own and 0700, and the path fits a socket address.
Status check_ipc_path(const Path& path);

/// "tcp://0.0.0.0:5555" with the host's name, other endpoints as they are.
std::string reachable_endpoint(const std::string& bound, const std::string& host);

std::chrono::milliseconds remaining_until(std::chrono::steady_clock::time_point deadline);

/// True when something can be read; false after `timeout` or when a
/// signal came. Throws zmq::error_t.
bool poll_interruptibly(std::span<zmq::pollitem_t> items, std::chrono::milliseconds timeout);

/// For Waitable::ready(); true also when it cannot be told: a look finds out.
bool readable(zmq::socket_t& socket) noexcept;

void close_quietly(zmq::socket_t& socket) noexcept;

}  // namespace tagalign::wire
