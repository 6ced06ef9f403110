#include "worker/job.h"

#include <ctime>

#include "log/access.h"

namespace mew::worker {

namespace {

std::string_view version_text(http::Version version) {
    constexpr std::string_view kTexts[] = {"HTTP/1.0", "HTTP/1.1", "HTTP/2.0", "HTTP/3.0"};
    return kTexts[static_cast<std::size_t>(version)];
}

std::uint64_t microseconds(base::MonotonicTime::duration time) {
    return static_cast<std::uint64_t>(time / std::chrono::microseconds(1));
}

}  // namespace

void Job::begin(Context& context) {
    stats::Slot& slot = context.slot;
    started_ = context.loop.now();
    context.running.push_back(*this);
    if (context.busy_cores++ != 0) return;
    slot.request_started_us.store(microseconds(started_.time_since_epoch()),
                                  std::memory_order_relaxed);
    slot.state.store(stats::WorkerState::busy, std::memory_order_relaxed);
}

void Job::end_later(Context& context, Job& job) {
    context.over.push_back(job);
    context.ask_for_turn();
}

void Job::end(Context& context, const Outcome& outcome) {
    base::ListNode<RunningTag>::unlink();
    count(context, outcome);
    stats::Slot& slot = context.slot;
    if (--context.busy_cores == 0) {
        slot.state.store(context.resting_state(), std::memory_order_relaxed);
        slot.request_started_us.store(0, std::memory_order_relaxed);
        return;
    }
    const base::MonotonicTime longest = context.running.front().started_;
    slot.request_started_us.store(microseconds(longest.time_since_epoch()),
                                  std::memory_order_relaxed);
}

void Job::count(Context& context, const Outcome& outcome) const {
    stats::Slot& slot = context.slot;
    const std::uint64_t micros = microseconds(context.loop.refresh_now() - started_);
    stats::add(slot.requests);
    stats::add(slot.running_us, micros);
    stats::add(slot.tx_bytes, outcome.head_bytes + outcome.body_bytes);
    slot.average_us.store((slot.average_us.load(std::memory_order_relaxed) + micros) / 2,
                          std::memory_order_relaxed);
    if (const auto dropped = outcome.head.dropped_fields) stats::add(slot.dropped_fields, dropped);
    if (outcome.app_failed) stats::add(slot.exceptions);
    if (outcome.aborted) stats::add(slot.aborted);
    if (context.settings.access_log) write_access_line(context, outcome, micros);
}

void Job::write_access_line(Context& context, const Outcome& outcome, std::uint64_t micros) const {
    const http::RequestHead& head = outcome.head;
    log::AccessRecord record;
    record.address = head.client_address().empty() ? outcome.address : head.client_address();
    record.method = head.method();
    record.uri = head.target();
    record.protocol = version_text(head.version);
    record.pid = context.pid;
    record.app_requests = record.total_requests =
        context.slot.requests.load(std::memory_order_relaxed);
    record.vars = head.fields().size() + head.variables().size();
    record.request_bytes = head.block_size();
    record.time = std::time(nullptr);
    record.status = outcome.status;
    record.body_bytes = outcome.body_bytes;
    record.micros = micros;
    record.headers = outcome.headers;
    record.header_bytes = outcome.head_bytes;
    record.core = outcome.core != nullptr ? outcome.core->number : 0;
    log::append_access(context.access_lines, record);
    if (context.access_lines.size() > kReceiveBuffer) log::flush_access(context.access_lines);
}

}  // namespace mew::worker
