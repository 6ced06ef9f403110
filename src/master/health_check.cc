#include "master/health_check.h"

#include <sys/socket.h>

#include <algorithm>
#include <cerrno>

#include "base/format.h"
#include "log/escape.h"

namespace mew::master {
namespace {

constexpr std::size_t kMostKept = 65536;  // of an answer; the rest is read and dropped
constexpr std::size_t kMostShown = 400;   // of a body

bool is_200(const std::string& answer) {
    return answer.size() > 12 && answer.compare(0, 7, "HTTP/1.") == 0 &&
           answer.compare(8, 5, " 200 ") == 0;
}

}  // namespace

std::string health_request(const std::string& uri) {
    constexpr std::string_view kScheme = "http://";
    std::string host = "localhost";
    std::string target = uri;
    if (uri.compare(0, kScheme.size(), kScheme) == 0) {
        const std::size_t slash = uri.find('/', kScheme.size());
        host =
            uri.substr(kScheme.size(), slash == std::string::npos ? slash : slash - kScheme.size());
        target = slash == std::string::npos ? "/" : uri.substr(slash);
    }
    return "GET " + target + " HTTP/1.1\r\nHost: " + host +
           "\r\nUser-Agent: mewsgi-reload-check\r\nConnection: close\r\n\r\n";
}

std::string describe_answer(const std::string& answer) {
    if (answer.empty()) return "closed the connection without an answer";
    const std::size_t line_end = answer.find("\r\n");
    const std::size_t line_start = answer.find(' ');
    if (line_end == std::string::npos || line_start >= line_end)
        return "answered something that is no HTTP";
    std::string text = "answered " + answer.substr(line_start + 1, line_end - line_start - 1);
    const std::size_t body = answer.find("\r\n\r\n");
    if (body == std::string::npos || body + 4 >= answer.size()) return text;
    return text + ":\n" + log::printable(answer.substr(body + 4, kMostShown));
}

base::Result<os::Fd> HealthCheck::begin(const std::string& uri, base::Milliseconds deadline) {
    int ends[2];
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) != 0)
        return base::fail_errno("cannot make a connection for reload-check");
    socket_.reset(ends[0]);
    os::Fd far(ends[1]);
    const std::string request = health_request(uri);
    const ssize_t sent = ::send(socket_.get(), request.data(), request.size(), MSG_NOSIGNAL);
    if (sent != static_cast<ssize_t>(request.size())) return base::fail("reload-check is too long");
    if (auto added = loop_.add(socket_.get(), EPOLLIN, *this); !added)
        return std::move(added).failure();
    deadline_ = loop_.start_timer(deadline, [this, deadline] {
        deadline_ = 0;
        finish(base::format("did not answer within {:.1f} s",
                            std::chrono::duration<double>(deadline).count()));
    });
    return far;
}

void HealthCheck::on_event(std::uint32_t) {
    char buffer[16384];
    for (;;) {
        const ssize_t n = ::recv(socket_.get(), buffer, sizeof buffer, 0);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0 && errno == EAGAIN) return;
        if (n <= 0) break;
        const auto got = static_cast<std::size_t>(n);
        answer_.append(buffer, std::min(got, kMostKept - answer_.size()));
    }
    finish(is_200(answer_) ? "" : describe_answer(answer_));
}

void HealthCheck::finish(const std::string& wrong) {
    close();
    // A copy: the callee may be what owns this.
    const Done done = done_;
    done(wrong);
}

void HealthCheck::close() {
    if (deadline_ != 0) loop_.cancel_timer(deadline_);
    deadline_ = 0;
    if (socket_) loop_.remove(socket_.get(), *this);
    socket_.reset();
}

}  // namespace mew::master
