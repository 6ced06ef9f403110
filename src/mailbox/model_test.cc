// The mailbox's protocol as a model: every interleaving of the steps of a front and a worker, with
// requests taken back and the worker's death at any step. The steps are those of posting_side.cc
// and taking_side.cc; each is one access to shared memory, and all are sequentially consistent, so
// that an order of steps is all there is to try.
//
// What must hold: nobody sleeps while there is something for it, and each request ends once:
// answered, or taken back by the front, or with the worker.
#include <array>
#include <cstdint>
#include <functional>
#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace mew::mailbox {
namespace {

constexpr int kRequests = 2;

enum class Slot : std::uint8_t { free, posted, taken, done };
enum class End : std::uint8_t { open, answered, taken_back, died };

// Where a side is in its program.
enum class Front : std::uint8_t {
    post_state,
    post_tail,
    look_sleeper,
    clear_sleeper,
    rest,
    settled,
    set_sleeping,
    look_again,
    asleep
};
enum class Worker : std::uint8_t {
    look,
    pop,
    take,
    reply,
    look_sleeper,
    clear_sleeper,
    set_sleeping,
    look_again,
    asleep,
    dead
};

struct State {
    Front front = Front::post_state;
    Worker worker = Worker::look;
    std::uint8_t posted = 0;  // requests posted so far; request i lies in slot i
    std::uint8_t tail = 0;
    std::uint8_t head = 0;
    std::uint8_t running = 0;  // the slot that the worker is at
    bool front_sleeping = false;
    bool worker_sleeping = false;
    bool front_bell = false;  // something lies in the front's socket
    bool worker_bell = false;
    std::array<Slot, kRequests> slots{};
    std::array<bool, kRequests> replied{};
    std::array<End, kRequests> ends{};

    std::string key() const {
        std::string text;
        const auto put = [&text](auto value) { text += static_cast<char>(value); };
        put(front), put(worker), put(posted), put(tail), put(head), put(running);
        put(front_sleeping), put(worker_sleeping), put(front_bell), put(worker_bell);
        for (int i = 0; i < kRequests; ++i) {
            const auto at = static_cast<std::size_t>(i);
            put(slots[at]), put(replied[at]), put(ends[at]);
        }
        return text;
    }
    bool front_has_news() const {
        for (std::size_t i = 0; i < kRequests; ++i) {
            if (ends[i] == End::open && replied[i]) return true;
        }
        return false;
    }
};

class Model {
public:
    // Without the second look the model must find the wake-up that is lost.
    explicit Model(bool second_look) : second_look_(second_look) {}

    void run() {
        std::vector<State> todo{State{}};
        while (!todo.empty()) {
            const State state = todo.back();
            todo.pop_back();
            if (!seen_.insert(state.key()).second) continue;
            const std::vector<State> next = successors(state);
            if (next.empty()) judge(state);  // but for a death nothing more would happen
            for (const State& one : next) todo.push_back(one);
            die(state, [&todo](const State& one) { todo.push_back(one); });
        }
    }
    std::size_t states() const { return seen_.size(); }
    int stuck = 0;
    int twice = 0;

private:
    std::vector<State> successors(const State& state) {
        std::vector<State> next;
        const auto add = [&](const State& one) { next.push_back(one); };
        step_front(state, add);
        take_back(state, add);
        step_worker(state, add);
        return next;
    }

    using Add = std::function<void(const State&)>;

    // Reads answers first, as the front does whenever it is awake.
    static bool read_answer(State& state) {
        for (std::size_t i = 0; i < kRequests; ++i) {
            if (state.ends[i] != End::open || !state.replied[i]) continue;
            state.ends[i] = End::answered;
            state.slots[i] = Slot::free;
            return true;
        }
        return false;
    }

    void step_front(State state, const Add& add) {
        switch (state.front) {
            case Front::post_state:
                state.slots[state.posted] = Slot::posted;
                state.front = Front::post_tail;
                break;
            case Front::post_tail:
                ++state.posted;
                state.tail = state.posted;
                state.front = Front::look_sleeper;
                break;
            case Front::look_sleeper:
                state.front = state.worker_sleeping ? Front::clear_sleeper : Front::rest;
                break;
            case Front::clear_sleeper:
                state.worker_bell = state.worker_bell || state.worker_sleeping;
                state.worker_sleeping = false;
                state.front = Front::rest;
                break;
            case Front::rest:
                if (read_answer(state)) break;
                state.front = state.posted < kRequests ? Front::post_state : Front::set_sleeping;
                break;
            case Front::set_sleeping:
                state.front_sleeping = true;
                state.front = second_look_ ? Front::look_again : Front::asleep;
                break;
            case Front::look_again:
                if (state.front_has_news()) state.front_sleeping = false;
                state.front = state.front_has_news() ? Front::rest : Front::asleep;
                break;
            case Front::asleep:
                if (!state.front_bell) return;
                state.front_bell = state.front_sleeping = false;
                if (state.worker == Worker::dead) settle_after_death(state);
                state.front = state.worker == Worker::dead ? Front::settled : Front::rest;
                break;
            case Front::settled:
                return;
        }
        add(state);
    }

    // Nobody begun with it: another worker gets it. From any state of an awake front that has
    // posted it.
    static void take_back(const State& state, const Add& add) {
        if (state.front != Front::rest) return;
        for (std::size_t i = 0; i < state.posted; ++i) {
            if (state.slots[i] != Slot::posted) continue;
            State next = state;
            next.slots[i] = Slot::free;
            next.ends[i] = End::taken_back;
            add(next);
        }
    }

    void step_worker(State state, const Add& add) {
        switch (state.worker) {
            case Worker::look:
                state.worker = state.tail != state.head ? Worker::pop : Worker::set_sleeping;
                break;
            case Worker::pop:
                state.running = state.head++;
                state.worker = Worker::take;
                break;
            case Worker::take:
                if (state.slots[state.running] == Slot::posted) {
                    state.slots[state.running] = Slot::taken;
                    state.worker = Worker::reply;
                } else {
                    state.worker = Worker::look;  // taken back
                }
                break;
            case Worker::reply:
                if (state.ends[state.running] != End::open) ++twice;
                state.slots[state.running] = Slot::done;
                state.replied[state.running] = true;
                state.worker = Worker::look_sleeper;
                break;
            case Worker::look_sleeper:
                state.worker = state.front_sleeping ? Worker::clear_sleeper : Worker::look;
                break;
            case Worker::clear_sleeper:
                state.front_bell = state.front_bell || state.front_sleeping;
                state.front_sleeping = false;
                state.worker = Worker::look;
                break;
            case Worker::set_sleeping:
                state.worker_sleeping = true;
                state.worker = second_look_ ? Worker::look_again : Worker::asleep;
                break;
            case Worker::look_again:
                state.worker = state.tail != state.head ? Worker::look : Worker::asleep;
                if (state.worker == Worker::look) state.worker_sleeping = false;
                break;
            case Worker::asleep:
                if (!state.worker_bell) return;
                state.worker_bell = state.worker_sleeping = false;
                state.worker = Worker::look;
                break;
            case Worker::dead:
                return;
        }
        add(state);
    }

    // At any step: the end of its socket is a bell.
    static void die(const State& state, const Add& add) {
        if (state.worker == Worker::dead || state.front == Front::settled) return;
        State next = state;
        next.worker = Worker::dead;
        next.front_bell = true;
        add(next);
    }

    // What it had answered counts; the rest is taken back, or ends with it.
    static void settle_after_death(State& state) {
        while (read_answer(state)) {
        }
        for (std::size_t i = 0; i < kRequests; ++i) {
            if (state.ends[i] != End::open || i >= state.posted) continue;
            state.ends[i] = state.slots[i] == Slot::posted ? End::taken_back : End::died;
        }
    }

    void judge(const State& state) {
        for (std::size_t i = 0; i < kRequests; ++i) {
            const bool wanted = state.worker != Worker::dead || i < state.posted;
            if (wanted && state.ends[i] == End::open) ++stuck;
        }
    }

    bool second_look_;
    std::set<std::string> seen_;
};

TEST(Model, NoInterleavingLosesARequestOrAWakeUp) {
    Model model(true);
    model.run();
    EXPECT_EQ(model.stuck, 0);
    EXPECT_EQ(model.twice, 0);
    EXPECT_GT(model.states(), 1000U);
}

TEST(Model, FindsTheWakeUpThatASleeperWithoutASecondLookLoses) {
    Model model(false);
    model.run();
    EXPECT_GT(model.stuck, 0);
}

}  // namespace
}  // namespace mew::mailbox
