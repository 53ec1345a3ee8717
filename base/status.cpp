#include "base/status.h"

#include <fmt/format.h>

#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace tagalign {

std::string_view error_code_name(ErrorCode code) {
  switch (code) {
    case ErrorCode::kOk:
      return "ok";
    case ErrorCode::kInvalidArgument:
      return "invalid-argument";
    case ErrorCode::kNotFound:
      return "not-found";
    case ErrorCode::kAlreadyExists:
      return "already-exists";
    case ErrorCode::kPermissionDenied:
      return "permission-denied";
    case ErrorCode::kUnavailable:
      return "unavailable";
    case ErrorCode::kTimeout:
      return "timeout";
    case ErrorCode::kPeerLost:
      return "peer-lost";
    case ErrorCode::kDataLoss:
      return "data-loss";
    case ErrorCode::kNoSpace:
      return "no-space";
    case ErrorCode::kCancelled:
      return "cancelled";
    case ErrorCode::kUnsupported:
      return "unsupported";
    case ErrorCode::kInternal:
      return "internal";
  }
  return "unknown";
}

Status Status::with_context(std::string_view context) const {
  if (ok()) return *this;
  Status longer = *this;
  longer.message_ = fmt::format("{}: {}", context, message_);
  return longer;
}

std::string Status::to_string() const {
  if (ok()) return "ok";
  return fmt::format("{}: {}", error_code_name(code_), message_);
}

Status invalid_argument(std::string message) {
  return {ErrorCode::kInvalidArgument, std::move(message)};
}
Status not_found(std::string message) {
  return {ErrorCode::kNotFound, std::move(message)};
}
Status already_exists(std::string message) {
  return {ErrorCode::kAlreadyExists, std::move(message)};
}
Status permission_denied(std::string message) {
  return {ErrorCode::kPermissionDenied, std::move(message)};
}
Status unavailable(std::string message) {
  return {ErrorCode::kUnavailable, std::move(message)};
}
Status timed_out(std::string message) {
  return {ErrorCode::kTimeout, std::move(message)};
}
Status peer_lost(std::string message) {
  return {ErrorCode::kPeerLost, std::move(message)};
}
Status data_loss(std::string message) {
  return {ErrorCode::kDataLoss, std::move(message)};
}
Status no_space(std::string message) {
  return {ErrorCode::kNoSpace, std::move(message)};
}
Status cancelled(std::string message) {
  return {ErrorCode::kCancelled, std::move(message)};
}
Status unsupported(std::string message) {
  return {ErrorCode::kUnsupported, std::move(message)};
}
Status internal_error(std::string message) {
  return {ErrorCode::kInternal, std::move(message)};
}

namespace {

/// What the user did not bring about: the machine has too little of something just now, or what lies
/// on the disk cannot be read.
ErrorCode trouble_of_errno(int error_number) {
  switch (error_number) {
    case EAGAIN:
    case EINTR:
    case EBUSY:
    case ETXTBSY:
    case ENOMEM:
    case ENOBUFS:
    case ENOLCK:
    case EMFILE:
    case ENFILE:
    case ECONNREFUSED:
    case ECONNRESET:
    case ECONNABORTED:
    case ENOTCONN:
    case ENETDOWN:
    case ENETUNREACH:
    case EHOSTDOWN:
    case EHOSTUNREACH:
    case ESHUTDOWN:
      return ErrorCode::kUnavailable;
    case EIO:
    case EREMOTEIO:
    case ESTALE:
    case EUCLEAN:
    case EBADMSG:
    case EILSEQ:
    case ENODATA:
    case EPROTO:
    case ENOLINK:
    case ENOMEDIUM:
      return ErrorCode::kDataLoss;
    default:
      return ErrorCode::kInternal;
  }
}

ErrorCode code_of_errno(int error_number) {
  switch (error_number) {
    case ENOENT:
    case ENOTDIR:
    case ENXIO:
    case ENODEV:
      return ErrorCode::kNotFound;
    case EACCES:
    case EPERM:
    case EROFS:
    case ENOKEY:
      return ErrorCode::kPermissionDenied;
    case EEXIST:
    case ENOTEMPTY:
    case EADDRINUSE:
      return ErrorCode::kAlreadyExists;
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
      return ErrorCode::kNoSpace;
    case EINVAL:
    case EISDIR:
    case ENAMETOOLONG:
    case ELOOP:
      return ErrorCode::kInvalidArgument;
    case ENOSYS:
    case EOPNOTSUPP:
      return ErrorCode::kUnsupported;
    case ETIMEDOUT:
      return ErrorCode::kTimeout;
    default:
      return trouble_of_errno(error_number);
  }
}

std::atomic<CheckListener> check_listener{nullptr};
/// Of what is called damage, names and bytes that are wrong for good are not.
bool is_trouble_of_the_place(int error_number, ErrorCode code) {
  switch (error_number) {
    case EROFS:
    case EIO:
    case EREMOTEIO:
    case ESTALE:
    case EUCLEAN:
    case ENOLINK:
    case ENOMEDIUM:
      return true;
    default:
      return code == ErrorCode::kNoSpace || code == ErrorCode::kUnavailable ||
             code == ErrorCode::kTimeout;
  }
}

}  // namespace

Status errno_status(int error_number, std::string_view operation_and_object) {
  Status status(code_of_errno(error_number),
                fmt::format("{}: {}", operation_and_object, std::strerror(error_number)));
  return status.set_of_the_place(is_trouble_of_the_place(error_number, status.code()));
}

void set_check_listener(CheckListener listener) {
  check_listener = listener;
}

void check_failed(const char* file, int line, const char* expression, std::string_view detail) {
  const std::string text = fmt::format("{}:{}: check failed: {}{}{}", file, line, expression,
                                       detail.empty() ? "" : ": ", detail);
  std::fprintf(stderr, "%s\n", text.c_str());
  std::fflush(stderr);
  if (const CheckListener listener = check_listener.exchange(nullptr)) listener(text);
  std::abort();
}

}  // namespace tagalign
