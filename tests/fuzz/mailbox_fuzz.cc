// A hostile worker at a front: the program of an input says what it writes into the shared memory,
// what it sends, what its clients do meanwhile. After each step and at the end: the front is there
// and rests once nothing happens, another worker is asked what was sent and its client gets its own
// answer, and no client gets bytes that could be taken for an answer that is none.
//
// An input: steps, each a byte and what the step takes (`step`).

#include <array>
#include <cstdint>
#include <memory>
#include <string>

#include "fuzz/clients.h"
#include "fuzz/hostile_worker.h"
#include "fuzz/program.h"
#include "log/log.h"

namespace {

using mew::base::Milliseconds;
using mew::fuzz::Client;
using mew::fuzz::HonestWorker;
using mew::fuzz::HostileWorker;
using mew::fuzz::Program;

constexpr int kMostSteps = 200;
constexpr int kMostTurns = 2000;
constexpr std::uint64_t kMostWorkers = 4;
// The front's wait for the reason of a death.
constexpr Milliseconds kVerdict{1001};

class SteppedClock final : public mew::base::Clock {
public:
    mew::base::MonotonicTime now() override { return now_; }
    void step(Milliseconds by) { now_ += by; }

private:
    mew::base::MonotonicTime now_{std::chrono::hours(1)};
};

void require(bool holds, const char* promise) {
    mew::fuzz::require(holds, promise, [] { return std::string(); });
}

class Play {
public:
    Play() : stage_(clock_) {
        stage_.settings.request_buffer = 300000;
        stage_.settings.client.response_buffer = 65536;
        stage_.settings.response_buffer_max = 1U << 20;
        require(stage_.open(), "no stage");
        using mew::client::Limit;
        for (const Limit limit : {Limit::header, Limit::body, Limit::keepalive, Limit::send})
            stage_.context->deadlines.set_duration(limit, Milliseconds{10000});
        stage_.context->deadlines.set_duration(Limit::linger, Milliseconds{2000});
        stage_.context->deadlines.set_duration(Limit::queue, Milliseconds{30000});
        honest_ = std::make_unique<HonestWorker>(stage_);
        witness_.connect(stage_);
        attach();
        let_serve(2, 2);
    }

    void run(Program& program) {
        for (int steps = 0; steps < kMostSteps && !program.empty(); ++steps) {
            step(program);
            hear_master();
        }
        end();
    }

private:
    void step(Program& program) {
        const std::uint8_t what = program.one_of(24);
        if (what < 8) return client_step(what, program);
        if (what < 12) return time_step(what, program);
        if (what == 12) return attach();
        if (hostile_->alive()) hostile_step(what, program);
    }

    void client_step(std::uint8_t what, Program& program) {
        Client& client = clients_[program.one_of(3)];
        switch (what) {
            case 0:
            case 1:
                if (!client.open()) client.connect(stage_);
                client.ask(program, sent_);
                return rest();
            case 2:
                client.upload(program.word());
                return rest();
            case 3:
            case 4:
                client.read();
                return rest();
            case 5:
                return client.stop_writing();
            case 6:
                return client.leave();
            default:
                return client.read();
        }
    }

    void time_step(std::uint8_t what, Program& program) {
        switch (what) {
            case 8:
                return rest();
            case 9:
                clock_.step(Milliseconds{program.word()});
                return rest();
            case 10:
                return ask_witness();
            default:
                // Who gets new requests: the hostile one, both, or the other.
                const std::uint32_t who = program.one_of(3);
                return let_serve(who == 2 ? 1 : 2 - who, who == 2 ? 1 : 2);
        }
    }

    void hostile_step(std::uint8_t what, Program& program) {
        switch (what) {
            case 13:
                return hostile_->take();
            case 14:
                return hostile_->answer(program);
            case 15:
                return hostile_->record(program);
            case 16:
                return hostile_->head_record(program);
            case 17:
                return hostile_->body_record(program);
            case 18:
                return hostile_->file_record(program);
            case 19:
                return hostile_->packet(program);
            case 20:
                return hostile_->poke(program);
            case 21:
                return hostile_->field(program);
            case 22:
                return hostile_->state(program);
            default:
                return last_step(program);
        }
    }

    void last_step(Program& program) {
        switch (program.one_of(4)) {
            case 0:
                return hostile_->ring();
            case 1:
                return hostile_->leave();
            case 2:
                return hostile_->die();
            default:
                hostile_->die();
                return stage_.dispatch->on_ended(hostile_->id(), "");
        }
    }

    void attach() {
        if (incarnation_ >= kMostWorkers || (hostile_ && hostile_->alive())) return;
        hostile_ = std::make_unique<HostileWorker>(stage_, ++incarnation_);
    }

    void let_serve(std::uint32_t first, std::uint32_t last) {
        first_ = first;
        last_ = last;
        stage_.gate.set_serving(first, last);
    }

    // It kills whom the front says to be broken.
    void hear_master() {
        for (const auto& [worker, what] : std::exchange(stage_.broken, {})) {
            require(worker.slot == 2, "a worker of ours was called broken");
            if (hostile_->id() == worker) hostile_->die();
            stage_.dispatch->on_ended(worker, what);
        }
    }

    // Turns until the front would sleep for good. No turn comes behind that: what it does not do
    // before it sleeps is not done.
    void rest() {
        for (int turns = 0;; ++turns) {
            require(turns < kMostTurns, "the front never rests");
            const bool reads = stage_.context->reader.in_flight() != 0;
            const bool sleeps = stage_.dispatch->prepare_sleep();
            const int events = stage_.loop.run_once(Milliseconds{reads && sleeps ? 1 : 0});
            const bool quiet = turns != 0 && sleeps && events == 0 && !reads;
            if (quiet && !honest_->serve(sent_)) break;
            stage_.dispatch->awake();
            stage_.dispatch->turn();
            hear_master();
        }
        stage_.dispatch->awake();
        require(first_ > 1 || stage_.slot.queued.load() == 0,
                "requests wait, and a worker is idle");
    }

    void ask_witness() {
        stage_.gate.set_serving(1, 1);
        if (witness_.ended()) witness_.connect(stage_);  // it was idle for too long
        const std::string path = "/w" + std::to_string(asked_witness_++);
        sent_[path] = {"GET", 0};
        witness_.ask_for(path);
        rest();
        const std::string got = witness_.received();
        mew::fuzz::require(
            got.starts_with("HTTP/1.1 200 OK\r\n") && got.ends_with("\r\n\r\nok " + path),
            "another client got another answer than its own", [&] { return path + "\n" + got; });
        stage_.gate.set_serving(first_, last_);
    }

    void end() {
        hostile_->die();
        rest();
        clock_.step(kVerdict);
        let_serve(1, 1);
        for (int i = 0; i < 50; ++i) {
            rest();
            for (Client& client : clients_) client.read();
        }
        for (Client& client : clients_) client.expect_end();
        ask_witness();
        for (Client& client : clients_) client.leave();
        rest();
        require(stage_.slot.outstanding.load() == 0, "requests are left with a worker");
        require(stage_.slot.queued.load() == 0, "requests are left in the queue");
        require(stage_.slot.channels.load() == 1, "the channel of a dead worker is left");
        require(stage_.slot.connections.load() == 1, "connections are left");
    }

    SteppedClock clock_;
    mew::front::testing::Stage stage_;
    mew::fuzz::AllSent sent_;
    std::unique_ptr<HonestWorker> honest_;
    std::unique_ptr<HostileWorker> hostile_;
    std::array<Client, 3> clients_{Client('a'), Client('b'), Client('c')};
    Client witness_{'w'};
    std::uint64_t incarnation_ = 0;
    int asked_witness_ = 0;
    std::uint32_t first_ = 0;
    std::uint32_t last_ = 0;
};

void be_silent() {
    static const mew::os::Fd nowhere(::open("/dev/null", O_WRONLY | O_CLOEXEC));
    mew::log::Settings settings;
    settings.fd = nowhere.get();
    mew::log::configure(settings);
    (void)mew::fuzz::OddFiles::get(0);
}

}  // namespace

// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer's name
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static const bool silent = (be_silent(), true);
    const int before = mew::fuzz::open_descriptors();
    if (silent) std::make_unique<Play>()->run(*std::make_unique<Program>(data, size));
    require(mew::fuzz::open_descriptors() == before, "descriptors are left open");
    return 0;
}
