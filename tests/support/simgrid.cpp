// Distributed training on SimGrid: reads a job from standard input, prints when each step ended.
//
//   g++ -O2 -std=c++17 training.cpp -lsimgrid -o training
//
// The job is words apart by white space, in this order (seconds, bytes, bytes per second):
//
//   <async|sync|ring> <workers> <ps> <steps> <bandwidth> <latency>
//   <bytes of each shard>          one a ps; for ring (0 ps) one, all that is reduced
//   <start of each worker>
//   <compute of each step>         worker after worker
//
//   flows <hosts> <flows> <bandwidth> <latency>
//   <start> <source> <destination> <bytes>   a flow; hosts are numbers from 0
//
// The answer: the wall seconds of the simulation, then a line a worker with the end of each of its
// steps, or a line with the end of each flow.

#include <simgrid/s4u.hpp>
#include <xbt/log.h>

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <string>
#include <vector>

namespace sg = simgrid::s4u;

namespace {

using Seconds = std::vector<double>;
using Hosts = std::vector<sg::Host*>;

template <typename T> T read(const char* what)
{
  T value;
  if (!(std::cin >> value)) {
    std::cerr << "training: expected " << what << "\n";
    std::exit(2);
  }
  return value;
}

template <typename T> std::vector<T> read_all(std::size_t count, const char* what)
{
  std::vector<T> values;
  values.reserve(count);
  while (values.size() < count)
    values.push_back(read<T>(what));
  return values;
}

// Exact sharing: a flow alone takes latency + bytes / bandwidth, and flows share max-min fairly.
void configure()
{
  xbt_log_control_set("xbt_cfg.thres:warning"); // says each of these settings otherwise
  sg::Engine::set_config("network/model:CM02");
  sg::Engine::set_config("network/crosstraffic:0"); // no bytes for acknowledgements
  sg::Engine::set_config("network/latency-factor:1");
  sg::Engine::set_config("network/bandwidth-factor:1");
  sg::Engine::set_config("network/TCP-gamma:1e300"); // no window ever limits a flow
  // The default, Lazy, solves only for links that it takes for changed, and forgets some where two
  // flows of one source begin at once: the links of their destinations then carry more than they
  // can (3.32; System::update_modified_cnst_set is the same in 4.1). A benchmark may ask for it.
  const char* optim = std::getenv("SIMGRID_OPTIM");
  sg::Engine::set_config(std::string("network/optim:") + (optim ? optim : "Full"));
  sg::Engine::set_config("contexts/stack-size:64"); // KiB; the default, 8 MiB, for 10,000 actors
}

// Hosts on a star, each with a full-duplex NIC; a message goes up one NIC and down another, and
// each has half of its latency.
Hosts build(std::size_t count, double bandwidth, double latency_s)
{
  auto* star = sg::create_star_zone("star");
  Hosts hosts;
  hosts.reserve(count);
  for (std::size_t k = 0; k < count; k++) {
    const std::string name = std::to_string(k);
    auto* host = star->create_host(name, 1e9);
    auto* nic = star->create_split_duplex_link("nic " + name, bandwidth);
    nic->set_latency(latency_s / 2.0);
    star->add_route(host->get_netpoint(), nullptr, nullptr, nullptr,
                    {sg::LinkInRoute(nic, sg::LinkInRoute::Direction::UP)}, true);
    hosts.push_back(host);
  }
  star->seal();
  return hosts;
}

// Host seconds of all that happens from now to the last event.
class Stopwatch {
  using Clock = std::chrono::steady_clock;
  Clock::time_point started_ = Clock::now();

public:
  double seconds() const { return std::chrono::duration<double>(Clock::now() - started_).count(); }
};

class Training {
  std::string mode_;
  std::size_t workers_;
  std::size_t ps_;
  std::size_t steps_;
  Hosts hosts_;
  std::vector<std::uint64_t> shards_;
  Seconds starts_;
  Seconds compute_;
  std::vector<Seconds> ends_;
  std::size_t running_;
  sg::BarrierPtr barrier_;
  double wall_s_ = 0.0;

  void fetch(sg::Host* worker) const
  {
    std::vector<sg::CommPtr> messages;
    for (std::size_t k = 0; k < ps_; k++)
      messages.push_back(sg::Comm::sendto_async(hosts_[workers_ + k], worker, shards_[k]));
    for (const auto& message : messages)
      message->wait();
  }

  void push(sg::Host* worker) const
  {
    std::vector<sg::CommPtr> messages;
    for (std::size_t k = 0; k < ps_; k++)
      messages.push_back(sg::Comm::sendto_async(worker, hosts_[workers_ + k], shards_[k]));
    for (const auto& message : messages)
      message->wait();
  }

  // 2(N−1) rounds of n/N bytes to the right; a round ends when both sent and received.
  void all_reduce(std::size_t worker) const
  {
    auto* from_left = sg::Mailbox::by_name(std::to_string(worker));
    auto* to_right = sg::Mailbox::by_name(std::to_string((worker + 1) % workers_));
    for (std::size_t round = 0; round < 2 * (workers_ - 1); round++) {
      static int nothing = 0;
      int* received = nullptr;
      auto receive = from_left->get_async(&received);
      auto send = to_right->put_init();
      send->set_src_data(&nothing);
      // set_payload_size() takes whole bytes only, and n/N need not be whole.
      send->set_remaining(static_cast<double>(shards_[0]) / static_cast<double>(workers_));
      send->start();
      send->wait();
      receive->wait();
    }
  }

  void step(std::size_t worker, double compute_s) const
  {
    if (mode_ == "ring") {
      sg::this_actor::sleep_for(compute_s);
      all_reduce(worker);
      return;
    }
    fetch(hosts_[worker]);
    sg::this_actor::sleep_for(compute_s);
    push(hosts_[worker]);
    if (mode_ == "sync")
      barrier_->wait();
  }

  // Train on, over the same compute times again, until the last worker has taken its steps: the
  // load lasts, as it does in scale.
  void train(std::size_t worker, const Stopwatch& watch)
  {
    sg::this_actor::sleep_for(starts_[worker]);
    auto& ends = ends_[worker];
    for (std::size_t k = 0;; k++) {
      step(worker, compute_[worker * steps_ + k % steps_]);
      if (ends.size() == steps_)
        continue;
      ends.push_back(sg::Engine::get_clock());
      if (ends.size() == steps_ && --running_ == 0) {
        wall_s_ = watch.seconds();
        sg::Actor::kill_all();
        return;
      }
    }
  }

public:
  explicit Training(std::string mode)
      : mode_(std::move(mode)), workers_(read<std::size_t>("workers")), ps_(read<std::size_t>("ps")),
        steps_(read<std::size_t>("steps")), ends_(workers_), running_(workers_),
        barrier_(sg::Barrier::create(static_cast<unsigned>(workers_)))
  {
    const auto bandwidth = read<double>("bandwidth");
    const auto latency_s = read<double>("latency");
    shards_ = read_all<std::uint64_t>(mode_ == "ring" ? 1 : ps_, "bytes of a shard");
    starts_ = read_all<double>(workers_, "a start");
    compute_ = read_all<double>(workers_ * steps_, "a compute time");
    hosts_ = build(workers_ + ps_, bandwidth, latency_s);
  }

  void run()
  {
    const Stopwatch watch;
    for (std::size_t k = 0; k < workers_; k++)
      sg::Actor::create("worker", hosts_[k], [this, k, &watch] { train(k, watch); });
    sg::Engine::get_instance()->run();
    std::printf("%.17g\n", wall_s_);
    for (const auto& ends : ends_) {
      for (const double end_s : ends)
        std::printf("%.17g ", end_s);
      std::printf("\n");
    }
  }
};

void run_flows()
{
  const auto count = read<std::size_t>("hosts");
  Seconds ends(read<std::size_t>("flows"));
  const auto bandwidth = read<double>("bandwidth");
  const auto hosts = build(count, bandwidth, read<double>("latency"));
  const Stopwatch watch;
  for (double& end_s : ends) {
    const auto start_s = read<double>("a flow's start");
    auto* source = hosts.at(read<std::size_t>("a flow's source"));
    auto* destination = hosts.at(read<std::size_t>("a flow's destination"));
    const auto bytes = read<std::uint64_t>("a flow's bytes");
    sg::Actor::create("flow", source, [=, &end_s] {
      sg::this_actor::sleep_until(start_s);
      sg::Comm::sendto(source, destination, bytes);
      end_s = sg::Engine::get_clock();
    });
  }
  sg::Engine::get_instance()->run();
  std::printf("%.17g\n", watch.seconds());
  for (const double end_s : ends)
    std::printf("%.17g\n", end_s);
}

} // namespace

int main(int argc, char** argv)
{
  sg::Engine engine(&argc, argv);
  configure();
  const auto mode = read<std::string>("a mode");
  if (mode == "flows") {
    run_flows();
  } else if (mode == "async" || mode == "sync" || mode == "ring") {
    Training(mode).run();
  } else {
    std::cerr << "training: " << mode << " is no mode\n";
    return 2;
  }
  return 0;
}
