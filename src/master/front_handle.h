#pragma once
// The master's view of one front process, one incarnation of a front's number: forked from the
// master without an exec, told by its control socket, gone when its process is.
//
//   starting > ready > retiring > dead        any > dead
//
// It must hear all that it is told, in order: what its socket does not take just now (hundreds of
// workers may come to serve in one turn) waits here. One that reads nothing is killed; its
// successor hears everything anew.

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>

#include "control/boot.h"
#include "master/children.h"
#include "master/deadline.h"
#include "master/life_signs.h"
#include "master/peer.h"
#include "master/state.h"
#include "os/users.h"
#include "stats/front_board.h"

namespace mew::master {

struct Holdings;

enum class FrontPhase : std::uint8_t { starting, ready, retiring, dead };
std::string_view name_of(FrontPhase phase);

class FrontHandle;

struct FrontEnd {
    bool expected = false;  // retired, or told by us to die
    bool was_ready = false;
    bool cut_off = false;  // it was killed, and clients lost something
    base::MonotonicTime::duration lived{0};
    std::string text;  // one sentence
};

class FrontOwner {
public:
    virtual ~FrontOwner() = default;
    virtual void on_front_ready(FrontHandle& front) = 0;
    // At a stop: it needs workers for nothing but to let go of the connections they took over.
    virtual void on_front_drained(FrontHandle& front) = 0;
    // A worker broke the rules of the mailbox: slot, generation and value (incarnation) say which.
    virtual void on_front_complains(FrontHandle& front, const control::Message& message) = 0;
    virtual void on_front_dead(FrontHandle& front, const FrontEnd& end) = 0;  // once
};

struct FrontPlace {
    std::uint32_t number = 0;
    std::uint64_t incarnation = 0;
};

class FrontHandle final : public PeerOwner, public ChildWatcher {
public:
    FrontHandle(Holdings& holdings, FrontOwner& owner, stats::FrontSlot& block, FrontPlace place);
    ~FrontHandle() override;

    // Forks it. The descriptors that `boot` names are inherited under their numbers.
    base::Result<void> start(const control::FrontBoot& boot,
                             const std::optional<os::Identity>& identity);
    base::Result<void> take_over(const state::Front& from);
    state::Front to_state() const;
    // To be read in this order, now or soon. Its descriptors go with it.
    void tell(control::Message message);
    void reopen_log(int fd);
    // Finish what runs, then leave; killed once `mercy` is over. `succeeded`: other fronts take its
    // sockets over, so that it may wait for kept connections to ask once more.
    void retire(base::Milliseconds mercy, bool succeeded);
    void end_at_once(const std::string& why);
    // It is at fault, which counts as a death.
    void kill(const std::string& why);

    FrontPhase phase() const { return phase_; }
    // It may be told of workers.
    bool is_joinable() const {
        return phase_ == FrontPhase::ready || phase_ == FrontPhase::retiring;
    }
    bool drained() const { return drained_; }
    pid_t pid() const { return pid_; }
    const FrontPlace& place() const { return place_; }
    base::MonotonicTime started() const { return started_; }
    const StopWatch& stop_watch() const { return stop_watch_; }
    std::string describe() const;

    void on_message(control::Message& message) override;
    void on_peer_closed(const std::string& reason) override;
    void on_child_end(pid_t pid, int wait_status) override;
    void on_child_stopped(pid_t pid, int signal) override;
    void on_child_continued(pid_t pid) override;

private:
    bool step(FrontPhase next);
    base::Result<void> fork(const control::FrontBoot& boot,
                            const std::optional<os::Identity>& identity);
    base::Result<void> send_boot(const control::FrontBoot& boot);
    void send_on();
    void stop_sending();

    Holdings& holdings_;
    FrontOwner& owner_;
    stats::FrontSlot& block_;
    FrontPlace place_;
    FrontPhase phase_ = FrontPhase::starting;
    pid_t pid_ = 0;
    bool drained_ = false;
    std::unique_ptr<Peer> peer_;
    std::deque<control::Message> unsent_;
    net::TimerId sending_ = 0;
    base::MonotonicTime unsent_since_;
    Deadline deadline_;
    base::MonotonicTime started_;
    std::uint64_t requests_before_ = 0;
    bool was_ready_ = false;
    bool told_to_end_ = false;
    std::string killed_because_;
    StopWatch stop_watch_;
};

}  // namespace mew::master
