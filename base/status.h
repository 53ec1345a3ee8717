/// Outcome of an operation that can fail for reasons outside the program.
///
/// Operating errors travel as Status or Result<T>; programmer errors abort through TA_CHECK in
/// every build. A message says: operation, object, expected, found, next step. Exceptions of
/// third-party libraries are translated into a Status in the file that wraps the library and
/// never cross a folder.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

namespace tagalign {

enum class ErrorCode : std::uint8_t {
  kOk = 0,
  kInvalidArgument,   ///< bad input: config, command line, file contents; the user mends it
  kNotFound,          ///< a named file, job, key does not exist
  kAlreadyExists,     ///< would overwrite, or is held by somebody else
  kPermissionDenied,  ///< file mode, unknown key
  kUnavailable,       ///< a peer cannot be reached now; trying again may help
  kTimeout,           ///< a deadline passed
  kPeerLost,          ///< a member of a group is gone; the group is finished
  kDataLoss,          ///< bytes do not match their checksum or structure
  kNoSpace,           ///< disk full or quota
  kCancelled,         ///< stopped on request
  kUnsupported,       ///< valid, but not offered by this build or machine
  kInternal,          ///< a broken expectation that did not have to end the process
};

/// Stable lower-case name, e.g. "data-loss"; used in logs and JSON.
std::string_view error_code_name(ErrorCode code);

class [[nodiscard]] Status {
 public:
  Status() = default;
  Status(ErrorCode code, std::string message) : code_(code), message_(std::move(message)) {}

  bool ok() const { return code_ == ErrorCode::kOk; }
  ErrorCode code() const { return code_; }
  const std::string& message() const { return message_; }
  /// The place failed it, and neither the program nor what it was given: a full disk, an exhausted
  /// quota, storage that was lost or is read-only, a machine short of memory or files. Later the
  /// same may succeed. Says errno_status(), and every kNoSpace.
  bool is_of_the_place() const { return of_the_place_ || code_ == ErrorCode::kNoSpace; }
  Status& set_of_the_place(bool of_the_place) {
    of_the_place_ = of_the_place;
    return *this;
  }

  /// The same with "<context>: " before the message. An ok status stays as it is.
  Status with_context(std::string_view context) const;
  /// "invalid-argument: message", or "ok".
  std::string to_string() const;

 private:
  ErrorCode code_ = ErrorCode::kOk;
  std::string message_;
  bool of_the_place_ = false;
};

inline Status ok_status() {
  return {};
}

/// Status with a message made by fmt would pull fmt into every header;
/// callers format with base/format.h.
Status invalid_argument(std::string message);
Status not_found(std::string message);
Status already_exists(std::string message);
Status permission_denied(std::string message);
Status unavailable(std::string message);
Status timed_out(std::string message);
Status peer_lost(std::string message);
Status data_loss(std::string message);
Status no_space(std::string message);
Status cancelled(std::string message);
Status unsupported(std::string message);
Status internal_error(std::string message);

/// Status for a failed system call, with strerror at its end. Of one file: a link to itself is
/// kInvalidArgument, a stale handle and damage of the file system are kDataLoss as EIO is, a device
/// that is gone is kNotFound. Of the machine (memory, open files, network): kUnavailable. kInternal
/// for numbers that nobody thought of.
Status errno_status(int error_number, std::string_view operation_and_object);

/// Told what broke before check_failed() aborts; may end the process itself. One for the process.
using CheckListener = void (*)(std::string_view text);
void set_check_listener(CheckListener listener);

[[noreturn]] void check_failed(const char* file, int line, const char* expression,
                               std::string_view detail);

/// A value, or the Status that says why there is none. Never holds an ok Status.
template <class T>
class [[nodiscard]] Result {
 public:
  Result(T value) : value_(std::move(value)) {}         // NOLINT(google-explicit-constructor)
  Result(Status status) : status_(std::move(status)) {  // NOLINT(google-explicit-constructor)
    if (status_.ok())
      check_failed(__FILE__, __LINE__, "!status.ok()", "Result made from an ok Status");
  }

  bool ok() const { return value_.has_value(); }
  const Status& status() const { return status_; }

  /// Aborts with the status when there is no value.
  T& value() & { return require(), *value_; }
  const T& value() const& { return require(), *value_; }
  T&& value() && { return require(), std::move(*value_); }
  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T&& operator*() && { return std::move(*this).value(); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }

 private:
  void require() const {
    if (!ok()) check_failed(__FILE__, __LINE__, "Result::ok()", status_.message());
  }

  std::optional<T> value_;
  Status status_;
};

}  // namespace tagalign

/// Aborts, with file, line, expression and an optional detail (a std::string_view), in every build.
#define TA_CHECK(condition, ...)                                                                 \
  do {                                                                                           \
    if (!(condition)) [[unlikely]]                                                               \
      ::tagalign::check_failed(__FILE__, __LINE__, #condition, ::std::string_view{__VA_ARGS__}); \
  } while (false)

#define TA_CONCAT_INNER(a, b) a##b
#define TA_CONCAT(a, b) TA_CONCAT_INNER(a, b)

/// Leaves the function with the Status of `expression` unless it is ok.
#define TA_RETURN_IF_ERROR(expression)                                                     \
  do {                                                                                     \
    if (::tagalign::Status ta_status_ = (expression); !ta_status_.ok()) return ta_status_; \
  } while (false)

/// TA_ASSIGN_OR_RETURN(auto x, f()): binds the value, or leaves the function with the Status.
#define TA_ASSIGN_OR_RETURN(target, expression) \
  TA_ASSIGN_OR_RETURN_IMPL(TA_CONCAT(ta_result_, __LINE__), target, expression)
#define TA_ASSIGN_OR_RETURN_IMPL(result, target, expression) \
  auto result = (expression);                                \
  if (!result.ok()) return result.status();                  \
  target = std::move(result).value()
