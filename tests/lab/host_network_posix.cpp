#include <signal.h>

#include <utility>

#include "base/format.h"
#include "tests/lab/host_network.h"

namespace tagalign::lab {
namespace {

constexpr std::int64_t kCommandMsMax = 10'000;
constexpr char kNobody[] = "02:00:00:00:ff:ff";  ///< no host's hardware address

/// Words of a command inside a container that must succeed.
Status must(const Container& container, const std::vector<std::string>& command) {
  TA_ASSIGN_OR_RETURN(const CommandOutput output, container.run(command, kCommandMsMax));
  if (output.exit.ok()) return ok_status();
  return unavailable(
      format("{}: {}: {}", fmt::join(command, " "), output.exit.to_string(), output.output));
}

std::string hosts_file(int hosts) {
  std::string text = "127.0.0.1 localhost\n";
  for (int host = 1; host <= hosts; ++host)
    text += format("{} {}\n", HostNetwork::address(host), HostNetwork::name(host));
  return text;
}

Result<Container> make_container(const Path& folder, const std::string& name,
                                 const std::string& hosts) {
  TA_RETURN_IF_ERROR(posix_file_system().create_directories(folder / name));
  return Container::start(
      {.own_network = true, .host_name = name, .hosts_file = hosts, .folder = folder / name});
}

}  // namespace

Status HostNetwork::available() {
  if (!find_program("ip"))
    return unsupported("hosts of their own: ip is not installed (Debian: iproute2)");
  TA_RETURN_IF_ERROR(Container::available());
  const auto tried = run_command({"unshare", "--net", "sh", "-c",
                                  "ip link add name bridge type bridge && "
                                  "ip link add name veth type veth"},
                                 kCommandMsMax);
  if (tried.ok() && tried->exit.ok()) return ok_status();
  return unsupported(format("hosts of their own: this kernel has no bridge or veth: {}",
                            tried.ok() ? tried->output : tried.status().message()));
}

Result<std::unique_ptr<HostNetwork>> HostNetwork::start(const Path& folder, int hosts) {
  TA_ASSIGN_OR_RETURN(Container bridge, make_container(folder, "bridge", ""));
  std::unique_ptr<HostNetwork> network(new HostNetwork(std::move(bridge)));
  TA_RETURN_IF_ERROR(
      must(network->bridge_, {"ip", "link", "add", "name", "bridge", "type", "bridge"}));
  TA_RETURN_IF_ERROR(must(network->bridge_, {"ip", "link", "set", "bridge", "up"}));
  for (int host = 1; host <= hosts; ++host)
    TA_RETURN_IF_ERROR(network->add_host(folder, host, hosts_file(hosts)));
  return network;
}

/// One end of the pair becomes the host's eth0, the other a port of the bridge named as the host.
Status HostNetwork::add_host(const Path& folder, int host, const std::string& hosts_file) {
  TA_ASSIGN_OR_RETURN(Container container, make_container(folder, name(host), hosts_file));
  const std::string pid = std::to_string(container.first_process());
  // The host's process has another number inside the bridge's container: this one runs outside.
  const std::string bridge = std::to_string(bridge_.first_process());
  TA_ASSIGN_OR_RETURN(const CommandOutput made,
                      run_command({"ip", "link", "add", "name", name(host), "netns", bridge, "type",
                                   "veth", "peer", "name", "eth0", "netns", pid},
                                  kCommandMsMax));
  if (!made.exit.ok())
    return unavailable(format("making the link of {}: {}", name(host), made.output));
  TA_RETURN_IF_ERROR(must(bridge_, {"ip", "link", "set", name(host), "master", "bridge", "up"}));
  TA_RETURN_IF_ERROR(
      must(container, {"ip", "address", "add", address(host) + "/24", "dev", "eth0"}));
  TA_RETURN_IF_ERROR(must(container, {"ip", "link", "set", "eth0", "up"}));
  hosts_.push_back(std::move(container));
  return ok_status();
}

std::string HostNetwork::name(int host) {
  return format("h{}", host);
}

std::string HostNetwork::address(int host) {
  return format("10.77.0.{}", host);
}

void HostNetwork::kill_host(int host) {
  hosts_[static_cast<std::size_t>(host - 1)].kill();
}

Status HostNetwork::cut(int host) {
  return must(bridge_, {"ip", "link", "set", name(host), "nomaster"});
}

Status HostNetwork::heal(int host) {
  return must(bridge_, {"ip", "link", "set", name(host), "master", "bridge"});
}

/// Packets go to a hardware address that nobody has: they are lost in silence, as on a broken path.
Status HostNetwork::cut_way(int from, int to) {
  return must(host(from), {"ip", "neigh", "replace", address(to), "lladdr", kNobody, "dev", "eth0",
                           "nud", "permanent"});
}

Status HostNetwork::heal_way(int from, int to) {
  return must(host(from), {"ip", "neigh", "del", address(to), "dev", "eth0"});
}

Status HostNetwork::cut_between(int a, int b) {
  TA_RETURN_IF_ERROR(cut_way(a, b));
  return cut_way(b, a);
}

Status HostNetwork::heal_between(int a, int b) {
  TA_RETURN_IF_ERROR(heal_way(a, b));
  return heal_way(b, a);
}

Status HostNetwork::set_quality(int host, const LinkQuality& quality) {
  const std::string far_end = "far-" + name(host);
  if (const auto running = relays_.extract(host); !running.empty()) {
    TA_ASSIGN_OR_RETURN(const pid_t relay, pid_inside(running.mapped()));
    ::kill(relay, SIGKILL);
    wait_for_exit(running.mapped(), kCommandMsMax);
    TA_RETURN_IF_ERROR(must(bridge_, {"ip", "link", "del", far_end}));
    TA_RETURN_IF_ERROR(heal(host));
  }
  const bool plain = quality.delay_ms == 0 && quality.loss_percent == 0;
  return plain ? ok_status() : start_relay(host, quality);
}

/// In place of the host's link its far end becomes a port of the bridge; frames get there through
/// the relay, by the near end.
Status HostNetwork::start_relay(int host, const LinkQuality& quality) {
  const std::string far_end = "far-" + name(host);
  const std::string near_end = "near-" + name(host);
  TA_RETURN_IF_ERROR(cut(host));
  TA_RETURN_IF_ERROR(must(
      bridge_, {"ip", "link", "add", "name", far_end, "type", "veth", "peer", "name", near_end}));
  TA_RETURN_IF_ERROR(must(bridge_, {"ip", "link", "set", far_end, "master", "bridge", "up"}));
  TA_RETURN_IF_ERROR(must(bridge_, {"ip", "link", "set", near_end, "up"}));
  const std::string relay = (self_executable().parent_path() / "link_relay").string();
  TA_ASSIGN_OR_RETURN(
      relays_[host], bridge_.start_process(
                         {.command = {relay, name(host), near_end, std::to_string(quality.delay_ms),
                                      std::to_string(quality.loss_percent)}}));
  return ok_status();
}

}  // namespace tagalign::lab
