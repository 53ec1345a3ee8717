#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdint>
#include <string>

#include "tests/support/ranks/forked_ranks.h"

namespace tagalign::testing_support {
namespace {

Status lost() {
  return peer_lost("gather: a rank is gone; start the ranks again");
}

Status send_all(int fd, const char* bytes, std::size_t size) {
  while (size > 0) {
    const ssize_t sent = ::send(fd, bytes, size, MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent <= 0) return lost();
    bytes += sent;
    size -= static_cast<std::size_t>(sent);
  }
  return ok_status();
}

Status receive_all(int fd, char* bytes, std::size_t size) {
  while (size > 0) {
    const ssize_t count = ::recv(fd, bytes, size, 0);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return lost();
    bytes += count;
    size -= static_cast<std::size_t>(count);
  }
  return ok_status();
}

Status send_text(int fd, const std::string& text) {
  const std::uint64_t size = text.size();
  TA_RETURN_IF_ERROR(send_all(fd, reinterpret_cast<const char*>(&size), sizeof size));
  return send_all(fd, text.data(), text.size());
}

Result<std::string> receive_text(int fd) {
  std::uint64_t size = 0;
  TA_RETURN_IF_ERROR(receive_all(fd, reinterpret_cast<char*>(&size), sizeof size));
  std::string text(size, '\0');
  TA_RETURN_IF_ERROR(receive_all(fd, text.data(), text.size()));
  return text;
}

using Texts = std::vector<std::string>;

/// Rank 0's; `ends[r]` leads to rank r, and ends[0] nowhere.
Result<Texts> gather_in_the_middle(const std::vector<int>& ends, const std::string& mine) {
  Texts all{mine};
  for (std::size_t rank = 1; rank < ends.size(); ++rank) {
    TA_ASSIGN_OR_RETURN(std::string text, receive_text(ends[rank]));
    all.push_back(std::move(text));
  }
  for (std::size_t rank = 1; rank < ends.size(); ++rank) {
    for (const std::string& text : all) TA_RETURN_IF_ERROR(send_text(ends[rank], text));
  }
  return all;
}

Result<Texts> gather_outside(int middle, int world, const std::string& mine) {
  TA_RETURN_IF_ERROR(send_text(middle, mine));
  Texts all;
  for (int rank = 0; rank < world; ++rank) {
    TA_ASSIGN_OR_RETURN(std::string text, receive_text(middle));
    all.push_back(std::move(text));
  }
  return all;
}

/// Both ends of the lines between rank 0 and the others.
struct Star {
  std::vector<int> inner, outer;

  void close_but(int rank) {
    for (std::size_t other = 1; other < inner.size(); ++other) {
      if (rank != 0) ::close(inner[other]);
      if (rank != static_cast<int>(other)) ::close(outer[other]);
    }
  }
};

Result<Star> make_star(int world) {
  Star star{{-1}, {-1}};
  for (int rank = 1; rank < world; ++rank) {
    int ends[2];
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
      return errno_status(errno, "make a socket pair");
    star.inner.push_back(ends[0]);
    star.outer.push_back(ends[1]);
  }
  return star;
}

[[noreturn]] void be_rank(int rank, int world, Star star, const RankBody& body) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  star.close_but(rank);
  const checkpoint::AllGather gather = [&](const std::string& mine) {
    return rank == 0 ? gather_in_the_middle(star.inner, mine)
                     : gather_outside(star.outer[static_cast<std::size_t>(rank)], world, mine);
  };
  ::_exit(body({rank, world, gather}));
}

}  // namespace

Result<std::vector<pid_t>> fork_ranks(int world, const RankBody& body) {
  TA_ASSIGN_OR_RETURN(Star star, make_star(world));
  std::vector<pid_t> pids;
  for (int rank = 0; rank < world; ++rank) {
    const pid_t pid = ::fork();
    if (pid < 0) return errno_status(errno, "fork a rank");
    if (pid == 0) be_rank(rank, world, star, body);
    pids.push_back(pid);
  }
  star.close_but(-1);
  return pids;
}

std::vector<ExitStatus> wait_for(const std::vector<pid_t>& pids) {
  std::vector<ExitStatus> ends;
  for (const pid_t pid : pids) {
    int status = 0;
    while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    ends.push_back(decode_exit_status(status));
  }
  return ends;
}

}  // namespace tagalign::testing_support
