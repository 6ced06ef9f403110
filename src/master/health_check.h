#pragma once
// Asks a worker that is ready, and serves nobody yet, for one URI over a connection of its own, and
// tells whether it answered 200. What `reload-check` is made of; used by the rollout.

#include <functional>
#include <string>

#include "base/result.h"
#include "net/event_loop.h"
#include "os/fd.h"

namespace mew::master {

// "/health" or "http://example.com/health": the request that it stands for, HTTP/1.1 with
// `Connection: close`; the host of a bare path is localhost.
std::string health_request(const std::string& uri);

class HealthCheck final : public net::EventHandler {
public:
    // Empty: it answered 200. Else what was wrong, as the end of "worker 1 ...".
    using Done = std::function<void(const std::string& wrong)>;

    HealthCheck(net::EventLoop& loop, Done done) : loop_(loop), done_(std::move(done)) {}
    ~HealthCheck() override { close(); }

    // The worker's end of the connection; the request lies in it already.
    base::Result<os::Fd> begin(const std::string& uri, base::Milliseconds deadline);
    void on_event(std::uint32_t events) override;

private:
    void finish(const std::string& wrong);
    void close();

    net::EventLoop& loop_;
    Done done_;
    os::Fd socket_;
    net::TimerId deadline_ = 0;
    std::string answer_;
};

// What an answer that is not 200 says of itself: its status line and the start of its body.
std::string describe_answer(const std::string& answer);

}  // namespace mew::master
