/// Hosts that really differ, on one machine: each a container with a host name, an address and a
/// network of its own, all on one bridge, whose links can be cut, healed, delayed and made lossy.
///
/// Hosts are h1, h2, … with the addresses 10.77.0.1, 10.77.0.2, …; each knows the others' names. The
/// machine itself is not on the bridge. Files are shared, as on a cluster's common file system.
/// Owns     containers, bridge and links: nothing stays behind, however a test ends.
/// Cost     about 50 ms a host.
/// Threads  one, which must outlive the hosts.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "tests/lab/container.h"

namespace tagalign::lab {

struct LinkQuality {
  int delay_ms = 0;  ///< of every frame that the host sends
  int loss_percent = 0;
};

class HostNetwork {
 public:
  /// kUnsupported names what is missing here: root, namespaces or iproute2.
  static Status available();
  /// `folder`: existing and empty; for small files of the containers.
  static Result<std::unique_ptr<HostNetwork>> start(const Path& folder, int hosts);

  int size() const { return static_cast<int>(hosts_.size()); }
  static std::string name(int host);     ///< "h1" for 1
  static std::string address(int host);  ///< "10.77.0.1" for 1

  /// Where programs of a host are started; hosts count from 1.
  const Container& host(int host) const { return hosts_[static_cast<std::size_t>(host - 1)]; }
  /// Kills every process of a host, as a power cut does; nothing can be started there afterwards.
  void kill_host(int host);

  /// Takes a host off the bridge: what it sends is lost in silence, and the link looks up to it.
  Status cut(int host);
  /// After a longer cut it takes up to two seconds until addresses are resolved again.
  Status heal(int host);
  /// Nothing that `from` sends reaches `to`; the other way and all other pairs go on.
  Status cut_way(int from, int to);
  Status heal_way(int from, int to);
  /// Neither reaches the other.
  Status cut_between(int a, int b);
  Status heal_between(int a, int b);
  /// Of what a host sends; a default LinkQuality undoes it. By a program of ours, link_relay, between
  /// the host's link and the bridge: not every kernel has sch_netem. A host that has one cannot be
  /// cut, and the link is gone for some milliseconds.
  Status set_quality(int host, const LinkQuality& quality);

 private:
  explicit HostNetwork(Container bridge) : bridge_(std::move(bridge)) {}
  Status add_host(const Path& folder, int host, const std::string& hosts_file);
  Status start_relay(int host, const LinkQuality& quality);

  Container bridge_;
  std::vector<Container> hosts_;
  std::map<int, pid_t> relays_;  ///< by host: as started
};

}  // namespace tagalign::lab
