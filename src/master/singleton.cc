#include "master/singleton.h"

#include "base/format.h"
#include "master/transition.h"

namespace mew::master {
namespace {

using Phase = TaskPhase;
using base::Milliseconds;

constexpr Milliseconds kStartDeadline{60000};  // a fork of a very large process takes a while
constexpr Milliseconds kAfterClose{5000};      // its socket closed: it is on its way out

constexpr Step<Phase> kSteps[] = {
    {Phase::ordered, Phase::starting}, {Phase::starting, Phase::running},
    {Phase::running, Phase::leaving},  {Phase::ordered, Phase::dead},
    {Phase::starting, Phase::dead},    {Phase::running, Phase::dead},
    {Phase::leaving, Phase::dead},
};

double seconds(base::MonotonicTime from, base::MonotonicTime to) {
    return std::chrono::duration<double>(to - from).count();
}

}  // namespace

std::string_view name_of(TaskPhase phase) {
    constexpr std::string_view kNames[] = {"ordered", "starting", "running", "leaving", "dead"};
    return kNames[static_cast<std::size_t>(phase)];
}

TaskHandle::TaskHandle(Holdings& holdings, TaskOwner& owner, TaskPlace place)
    : holdings_(holdings),
      owner_(owner),
      place_(std::move(place)),
      deadline_(holdings.loop, [this](const state::Deadline& over) { kill(over.missed); }),
      started_(holdings.loop.now()) {}

TaskHandle::~TaskHandle() {
    if (pid_ != 0) holdings_.children.forget(pid_);
}

std::string TaskHandle::describe() const {
    std::string text = "singleton " + place_.name;
    if (pid_ != 0) text += " (pid " + std::to_string(pid_) + ")";
    return text;
}

bool TaskHandle::step(TaskPhase next) {
    return take_step(phase_, next, kSteps,
                     base::format("{} of generation {}", describe(), place_.generation));
}

// Of two the earlier counts.
void TaskHandle::start_deadline(Milliseconds delay, std::string missed) {
    if (deadline_.running() && deadline_.due() <= holdings_.loop.now() + delay) return;
    deadline_.start(delay, std::move(missed));
}

base::Result<void> TaskHandle::expect(os::Fd near, std::uint64_t build) {
    peer_ = std::make_unique<Peer>(holdings_.loop, std::move(near), *this, build);
    if (auto opened = peer_->open(); !opened) return opened;
    start_deadline(kStartDeadline, "did not say hello within 60 s");
    return {};
}

void TaskHandle::learn_pid(pid_t pid) {
    if (pid_ != 0 || pid <= 1 || phase_ == Phase::dead) return;
    int status = 0;
    const auto watch = holdings_.children.watch(pid, *this, status);
    if (watch == Children::Watch::ended) {
        pid_ = pid;
        return on_child_end(pid, status);
    }
    if (watch == Children::Watch::watching && Children::is_own(pid)) {
        pid_ = pid;
        step(Phase::starting);
        return;
    }
    // The end of a process that is not ours would never be told, so it can be no owner.
    if (watch == Children::Watch::watching) holdings_.children.forget(pid);
    log::error("odd-pid", "{} claims pid {}, which is no child of the master's or another process",
               describe(), pid);
}

void TaskHandle::on_spawned(pid_t pid) { learn_pid(pid); }

// It reads its socket by itself: what is said to it now, no other process hears.
void TaskHandle::on_hello(pid_t pid) {
    learn_pid(pid);
    if (phase_ == Phase::dead || !killed_because_.empty()) return;
    if (pid_ != pid) return kill(base::format("said that its pid is {}", pid));
    if (phase_ != Phase::starting || !step(Phase::running)) return;
    deadline_.stop();
    control::Message order;
    order.kind = control::Kind::serve;
    order.generation = place_.generation;
    // Before it is sent: whatever becomes of the sending, from here on it counts as an owner.
    told_to_serve_ = true;
    started_ = holdings_.loop.now();
    if (auto sent = peer_->send(order); !sent) return kill("did not hear: " + sent.error().text);
    owner_.on_task_running(*this);
}

void TaskHandle::retire(Milliseconds mercy) {
    if (phase_ == Phase::dead) return;
    const bool again = std::exchange(told_to_end_, true);
    if (!told_to_serve_) return kill("was not running yet");
    if (phase_ == Phase::running) step(Phase::leaving);
    start_deadline(mercy, base::format("did not end within {:.1f} s of mercy",
                                       std::chrono::duration<double>(mercy).count()));
    if (again) return;
    control::Message order;
    order.kind = control::Kind::retire;
    order.value = static_cast<std::uint64_t>(mercy.count());
    // A closed socket has a deadline of its own, and says that the task is on its way out.
    if (peer_->is_open() && !peer_->send(order)) kill("did not hear that it must end");
}

void TaskHandle::reopen_log(int fd) {
    if (phase_ == Phase::dead || phase_ == Phase::ordered || !peer_->is_open()) return;
    control::Message order;
    order.kind = control::Kind::reopen_log;
    if (auto sent = peer_->send(order, {fd}); !sent)
        log::warning("reopen-failed", "{} keeps the old log: {}", describe(), sent.error().text);
}

void TaskHandle::kill(const std::string& why) {
    if (phase_ == Phase::dead) return;
    deadline_.stop();
    killed_because_ = why;
    if (pid_ == 0) {
        // Never told to serve; the end of its socket ends what there may be of it.
        peer_->close();
        finish(0, false);
        return;
    }
    Children::kill(pid_);
}

void TaskHandle::on_message(control::Message& message) {
    switch (message.kind) {
        case control::Kind::hello:
            return on_hello(message.pid);
        case control::Kind::failed:
            why_ = std::move(message.text);
            how_ = "raised";
            return;
        case control::Kind::left:
            how_ = std::move(message.text);
            returned_ = true;
            return;
        case control::Kind::reload:
        case control::Kind::stop:
            return owner_.on_task_request(*this, message.kind);
        default:
            log::warning("odd-message", "{} sent message {}, which a task does not send",
                         describe(), static_cast<int>(message.kind));
    }
}

void TaskHandle::on_peer_closed(const std::string& reason) {
    if (phase_ == Phase::dead) return;
    if (pid_ == 0) {
        if (!reason.empty()) killed_because_ = reason;
        return finish(0, false);
    }
    if (killed_because_.empty())
        start_deadline(kAfterClose,
                       reason.empty() ? "closed its control socket and lived on" : reason);
}

void TaskHandle::on_child_stopped(pid_t, int signal) {
    stop_watch_.on_stopped(describe(), signal, holdings_.loop.now());
}

void TaskHandle::on_child_continued(pid_t) {
    stop_watch_.on_continued(describe(), holdings_.loop.now());
}

void TaskHandle::on_child_end(pid_t, int wait_status) {
    if (peer_) peer_->drain();  // `left` or `failed` may still lie there
    finish(wait_status, true);
}

void TaskHandle::finish(int wait_status, bool known_status) {
    if (phase_ == Phase::dead) return;
    deadline_.stop();
    const base::MonotonicTime now = holdings_.loop.now();
    TaskEnd end;
    end.expected = told_to_end_;
    end.killed = told_to_serve_ && !killed_because_.empty();
    end.ran = told_to_serve_;
    end.returned = returned_ && killed_because_.empty();
    end.lived = std::chrono::duration_cast<Milliseconds>(now - started_);
    end.why = why_;
    const Deaths::Verdict verdict =
        holdings_.deaths.take({Deaths::Role::singleton, wait_status, known_status, end.killed,
                               end.expected || end.returned},
                              now);
    end.text =
        base::format("{} of generation {} {} after {:.1f} s{}", describe(), place_.generation,
                     how_.empty() || verdict.oom ? verdict.how : how_, seconds(started_, now),
                     known_status ? peak_text(holdings_.children.peak_kib()) : "");
    if (!killed_because_.empty()) end.text += "; the master ended it because it " + killed_because_;
    step(Phase::dead);
    if (peer_) peer_->close();
    pid_ = 0;
    owner_.on_task_dead(*this, end);
}

}  // namespace mew::master
