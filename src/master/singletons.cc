#include "master/singletons.h"

#include <algorithm>

#include "base/format.h"
#include "options/singleton.h"

namespace mew::master {
namespace {

using base::Milliseconds;

// A death after this long says nothing about the next start.
constexpr Milliseconds kSettled{5000};
// A function that returns at once must not keep the machine busy.
constexpr Milliseconds kAfterReturn{1000};

double seconds(Milliseconds time) { return std::chrono::duration<double>(time).count(); }

}  // namespace

void Singletons::commit(TaskSource& source, const options::Options& options) {
    if (stopping_) return;
    source_ = &source;
    mercy_ = options.reload_mercy;
    std::erase_if(places_,
                  [](const auto& entry) { return entry.second.number == 0 && !entry.second.task; });
    for (auto& [name, place] : places_) {
        place.number = 0;
        // Fresh code has not failed yet.
        place.respawn.cancel();
        place.respawn.on_ready();
    }
    std::uint32_t number = 0;
    for (const std::string& text : options.singletons) {
        ++number;
        // Checked when the options were.
        if (const auto singleton = options::parse_singleton(text))
            places_.try_emplace(singleton->name, holdings_.loop).first->second.number = number;
    }
    for (TaskHandle* task : tasks()) {
        if (task->place().generation != source.number()) task->retire(mercy_);
    }
    fill_all();
}

void Singletons::forget(const TaskSource& source) {
    if (source_ == &source) source_ = nullptr;
}

void Singletons::go_on(const TaskSource& source) {
    if (source_ == &source) fill_all();
}

void Singletons::fill_all() {
    for (auto& [name, place] : places_) fill(name, place);
}

void Singletons::fill(const std::string& name, Place& place) {
    if (source_ == nullptr || stopping_ || place.number == 0) return;
    if (place.task || place.respawn.waiting() || !source_->can_fork()) return;
    auto pair = control::make_pair();
    base::Result<void> ordered;
    if (pair) {
        place.task = std::make_unique<TaskHandle>(
            holdings_, *this, TaskPlace{name, place.number, source_->number(), ++last_order_});
        ordered = place.task->expect(std::move(pair->near), source_->build());
        if (ordered) ordered = source_->order_task(place.task->place(), pair->far.get());
    } else {
        ordered = std::move(pair).failure();
    }
    if (ordered) return;
    log::error("spawn-failed", "singleton {} could not be ordered: {}", name, ordered.error().text);
    // Nobody forked for it, so nothing lives of it.
    place.task.reset();
    place.respawn.on_death(false);
    respawn_later(name, place, Milliseconds{0});
}

void Singletons::respawn_later(const std::string& name, Place& place, Milliseconds at_least) {
    place.respawn.schedule(
        [this, name] {
            if (const auto found = places_.find(name); found != places_.end())
                fill(name, found->second);
        },
        at_least);
}

std::vector<TaskHandle*> Singletons::tasks() const {
    std::vector<TaskHandle*> all;
    for (const auto& [name, place] : places_) {
        if (place.task) all.push_back(place.task.get());
    }
    return all;
}

void Singletons::on_task_spawned(const control::Message& message) {
    for (TaskHandle* task : tasks()) {
        if (task->place().order == message.value) return task->on_spawned(message.pid);
    }
    // It sees the end of its socket, and was never told to serve.
    log::debug("late-spawn", "a task (pid {}) came too late", message.pid);
}

void Singletons::on_task_running(TaskHandle& task) {
    ++places_.at(task.place().name).starts;
    log::info("singleton-started", "singleton {} runs (pid: {}, generation {})", task.place().name,
              task.pid(), task.place().generation);
}

void Singletons::on_task_request(TaskHandle& task, control::Kind request) {
    owner_.on_request(task.place().generation, request);
}

void Singletons::log_end(const TaskEnd& end) const {
    const std::string text = end.why.empty() ? end.text : end.text + "\n" + end.why;
    if (end.killed) {
        log::warning("singleton-killed", "{}", text);
    } else if (!end.why.empty() || (!end.expected && !end.returned)) {
        log::error("singleton-died", "{}", text);
    } else {
        log::info("singleton-ended", "{}", text);
    }
}

void Singletons::on_task_dead(TaskHandle& task, const TaskEnd& end) {
    const std::string name = task.place().name;
    const std::uint32_t generation = task.place().generation;
    log_end(end);
    Place& place = places_.at(name);
    holdings_.loop.defer_delete(std::move(place.task));
    if (!end.expected) ++place.deaths;
    refill(name, place, end);
    // Last: it may end the generation whose end the next one waits for.
    owner_.on_gone(generation);
}

void Singletons::refill(const std::string& name, Place& place, const TaskEnd& end) {
    if (stopping_ || place.number == 0) return;
    if (end.expected) return fill(name, place);
    const Milliseconds least = end.returned ? kAfterReturn : Milliseconds{0};
    const bool settled = end.ran && end.lived >= kSettled;
    const Milliseconds delay = std::max(place.respawn.on_death(settled), least);
    if (delay.count() > 0)
        log::info("singleton-delayed", "singleton {} starts again in {:.1f} s", name,
                  seconds(delay));
    respawn_later(name, place, least);
}

void Singletons::leave() {
    source_ = nullptr;
    for (auto& [name, place] : places_) place.respawn.cancel();
    for (TaskHandle* task : tasks()) task->retire(mercy_);
}

void Singletons::stop(Milliseconds mercy) {
    stopping_ = true;
    for (auto& [name, place] : places_) place.respawn.cancel();
    for (TaskHandle* task : tasks()) task->retire(std::min(mercy, mercy_));
}

void Singletons::kill_all(const std::string& why) {
    stopping_ = true;
    for (auto& [name, place] : places_) place.respawn.cancel();
    for (TaskHandle* task : tasks()) task->kill(why);
}

void Singletons::reopen_log(int fd) {
    for (TaskHandle* task : tasks()) task->reopen_log(fd);
}

bool Singletons::has_tasks_of(std::uint32_t generation) const {
    const auto all = tasks();
    return std::any_of(all.begin(), all.end(), [generation](const TaskHandle* task) {
        return task->place().generation == generation;
    });
}

std::vector<Singletons::Row> Singletons::rows() const {
    std::vector<Row> all;
    for (const auto& [name, place] : places_) {
        if (place.number == 0 && !place.task) continue;
        all.push_back(
            {name, place.task.get(), place.respawn.waiting(), place.starts, place.deaths});
    }
    return all;
}

}  // namespace mew::master
