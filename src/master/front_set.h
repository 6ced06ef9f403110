#pragma once
// The fronts of one set of options: so many processes, the board they count on, who they are. They
// live across generations; other options make another set (master/fronts), and this one retires
// once that one is ready.
//
// A front that dies is replaced at once; with a growing delay if it never got ready, or if one
// after the other dies right after it did.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "master/front_handle.h"
#include "master/respawn.h"

namespace mew::master {

class FrontSet;

class FrontSetOwner {
public:
    virtual ~FrontSetOwner() = default;
    virtual void on_front_ready(FrontSet& set, FrontHandle& front) = 0;
    virtual void on_front_complains(FrontHandle& front, const control::Message& message) = 0;
    virtual void on_front_drained() = 0;
    // It exists to the end of the event.
    virtual void on_front_gone(FrontSet& set, FrontHandle& front) = 0;
    // Never the same one twice, whatever the set.
    virtual std::uint64_t next_front_incarnation() = 0;
};

// What fronts become: http-uid and http-gid, else as the app; root becomes nobody. Looks users up.
base::Result<std::optional<os::Identity>> front_identity(const options::Options& options);

class FrontSet final : public FrontOwner {
public:
    // `options` hold the number of fronts; `identity` is what they become.
    FrontSet(Holdings& holdings, FrontSetOwner& owner, const options::Options& options,
             std::optional<os::Identity> identity);

    // Starts all, or says what was in the way.
    base::Result<void> start();
    // As the master before the upgrade had it.
    base::Result<void> take_over(const state::FrontSet& from);
    state::FrontSet to_state() const;

    // Each finishes what runs; none is replaced any more.
    void retire(base::Milliseconds mercy, bool succeeded);
    void kill(const std::string& why);
    void reopen_log(int fd);

    const options::Options& options() const { return options_; }
    const std::optional<os::Identity>& identity() const { return identity_; }
    std::uint32_t size() const { return static_cast<std::uint32_t>(places_.size()); }
    // Each of its fronts serves.
    bool ready() const;
    // Each of them did, at some time together.
    bool served() const { return served_; }
    bool retiring() const { return retiring_; }
    bool empty() const { return fronts().empty(); }
    std::vector<FrontHandle*> fronts() const;
    // Null: dead, and about to be replaced.
    FrontHandle* front(std::uint32_t number) const { return places_[number - 1].front.get(); }
    stats::FrontSlot& block(std::uint32_t number) { return board_.slot(number); }

    void on_front_ready(FrontHandle& front) override;
    void on_front_drained(FrontHandle&) override { owner_.on_front_drained(); }
    void on_front_complains(FrontHandle& front, const control::Message& message) override;
    void on_front_dead(FrontHandle& front, const FrontEnd& end) override;

private:
    struct Place {
        explicit Place(net::EventLoop& loop) : respawn(loop) {}
        std::unique_ptr<FrontHandle> front;
        Respawn respawn;
        unsigned short_lives = 0;  // in a row
    };

    base::Result<void> open_gate();
    control::FrontBoot describe_boot(const FrontPlace& place) const;
    base::Result<void> spawn(std::uint32_t number);
    void spawn_later(std::uint32_t number);
    void spawn_or_retry(std::uint32_t number);
    void log_end(const FrontEnd& end) const;

    Holdings& holdings_;
    FrontSetOwner& owner_;
    options::Options options_;
    std::optional<os::Identity> identity_;
    stats::FrontBoard board_;
    os::Fd gate_reader_;
    std::vector<Place> places_;  // by number - 1
    bool served_ = false;
    bool retiring_ = false;
};

}  // namespace mew::master
