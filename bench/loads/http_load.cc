// A load of HTTP/1.1 on kept connections whose answers are checked: every request bears a number,
// and the app (apps/numbered.py) answers with it. Native, so that millions can be asked; run by the
// probes as its own process, never part of mewsgi.
//
// Usage: http_load PORT CONNECTIONS [seconds=S] [requests=N] [interval_us=U] [path=/P]
//                  [large_every=K large_size=B]
//
// Ends after so many seconds or answers, whichever comes first. With an interval each connection
// asks once in so many microseconds, whether others wait or not, and a latency counts from the
// moment when the request was due: one that had to wait for the answer before it waited too. In the
// end one line, read by measure/wrk.py as wrk's own report is.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;
using Microseconds = std::chrono::microseconds;

constexpr auto kPatience = std::chrono::seconds(5);  // for the last answers
constexpr std::size_t kMostConnections = 1000;

struct Settings {
    std::uint16_t port = 0;
    std::size_t connections = 0;
    Microseconds duration{0};    // 0: until `requests` are answered
    std::uint64_t requests = 0;  // 0: no limit
    Microseconds interval{0};    // 0: as soon as the answer is there
    std::string path = "/";
    std::uint64_t large_every = 0;  // every so many requests one of `large_size` bytes
    std::size_t large_size = 0;
};

// Latencies: exact to the microsecond below a second, so that ten million take four megabytes.
class Latencies {
public:
    void add(Clock::duration latency) {
        const auto us = std::chrono::duration_cast<Microseconds>(latency).count();
        ++total_;
        if (us < static_cast<std::int64_t>(counts_.size()))
            ++counts_[static_cast<std::size_t>(std::max<std::int64_t>(us, 0))];
        else
            slow_.push_back(static_cast<std::uint64_t>(us));
    }
    std::uint64_t total() const { return total_; }

    std::uint64_t at(double percent) {
        const auto rank = static_cast<std::uint64_t>(static_cast<double>(total_) * percent / 100);
        std::uint64_t seen = 0;
        for (std::size_t us = 0; us < counts_.size(); ++us) {
            seen += counts_[us];
            if (seen > rank || (seen == total_ && seen > 0)) return us;
        }
        if (slow_.empty()) return 0;
        std::sort(slow_.begin(), slow_.end());
        return slow_[std::min<std::size_t>(rank - seen, slow_.size() - 1)];
    }

private:
    std::vector<std::uint32_t> counts_ = std::vector<std::uint32_t>(1'000'000);
    std::vector<std::uint64_t> slow_;
    std::uint64_t total_ = 0;
};

struct Report {
    std::uint64_t connect_errors = 0;
    std::uint64_t write_errors = 0;
    std::uint64_t read_errors = 0;  // the answer was cut
    std::uint64_t timeouts = 0;     // not answered in the end
    std::uint64_t bad_status = 0;
    std::uint64_t wrong = 0;   // whole and 200, but not the answer to this request
    std::uint64_t closed = 0;  // connections that the server ended between requests
    std::uint64_t answered = 0;
    Clock::duration late{0};  // the most that this load was itself behind
    Latencies latencies;
};

struct Connection {
    int fd = -1;
    bool waiting = false;
    std::uint64_t number = 0;
    std::size_t size = 0;  // of a large one, else 0
    Clock::time_point due;
    Clock::time_point free_since;
    std::string received;
};

struct Head {
    bool whole = false;
    bool good = false;  // a 200 with a length
    bool closes = false;
    std::size_t head_size = 0;
    std::size_t body_size = 0;
};

Head read_head(std::string_view received) {
    Head head;
    const std::size_t end = received.find("\r\n\r\n");
    if (end == std::string_view::npos) return head;
    head.whole = true;
    head.head_size = end + 4;
    head.closes = received.substr(0, 8) != "HTTP/1.1";
    bool has_length = false;
    std::size_t at = received.find("\r\n") + 2;
    while (at < end + 2) {
        const std::size_t stop = received.find("\r\n", at);
        const std::string line(received.substr(at, stop - at));
        if (::strncasecmp(line.c_str(), "content-length:", 15) == 0) {
            head.body_size = std::strtoul(line.c_str() + 15, nullptr, 10);
            has_length = true;
        } else if (::strncasecmp(line.c_str(), "connection: close", 17) == 0) {
            head.closes = true;
        }
        at = stop + 2;
    }
    head.good = has_length && received.substr(8, 5) == " 200 ";
    return head;
}

// What apps/numbered.py makes of this number.
bool is_answer(const Connection& connection, std::string_view body) {
    const std::string word = std::to_string(connection.number);
    if (connection.size == 0) return body == word;
    if (body.size() != connection.size) return false;
    for (std::size_t at = 0; at < body.size(); at += word.size()) {
        const std::size_t part = std::min(word.size(), body.size() - at);
        if (body.compare(at, part, word, 0, part) != 0) return false;
    }
    return true;
}

class Load {
public:
    explicit Load(const Settings& settings)
        : settings_(settings), connections_(settings.connections) {}

    bool run() {
        epoll_ = ::epoll_create1(EPOLL_CLOEXEC);
        if (epoll_ < 0) return false;
        begin_ = Clock::now();
        const auto step = settings_.interval / static_cast<std::int64_t>(connections_.size());
        for (std::size_t i = 0; i < connections_.size(); ++i)
            connections_[i].due = begin_ + step * static_cast<std::int64_t>(i);
        while (!is_over()) {
            ask_due();
            if (!listen(next_wait())) return false;
        }
        end_ = Clock::now();
        while (is_waiting() && Clock::now() < end_ + kPatience) {
            if (!listen(std::chrono::milliseconds(10))) return false;
        }
        for (Connection& connection : connections_) {
            if (!connection.waiting) continue;
            ++report_.timeouts;
            report_.latencies.add(Clock::now() - connection.due);
        }
        return true;
    }

    Report& report() { return report_; }
    double microseconds() const {
        return std::chrono::duration<double, std::micro>(end_ - begin_).count();
    }

private:
    bool is_over() const {
        if (settings_.requests != 0 && report_.answered + failures() >= settings_.requests)
            return true;
        return settings_.duration.count() != 0 && Clock::now() >= begin_ + settings_.duration;
    }
    std::uint64_t failures() const {
        return report_.connect_errors + report_.write_errors + report_.read_errors +
               report_.bad_status + report_.wrong;
    }
    bool is_waiting() const {
        return std::any_of(connections_.begin(), connections_.end(),
                           [](const Connection& each) { return each.waiting; });
    }
    bool all_asked() const { return settings_.requests != 0 && asked_ >= settings_.requests; }

    void ask_due() {
        const auto now = Clock::now();
        // In an order that moves, so that none is always the first.
        first_ = (first_ + 1) % connections_.size();
        for (std::size_t i = 0; i < connections_.size() && !all_asked(); ++i) {
            Connection& connection = connections_[(first_ + i) % connections_.size()];
            if (!connection.waiting && connection.due <= now) ask(connection);
        }
    }

    Clock::duration next_wait() const {
        Clock::duration wait = std::chrono::milliseconds(100);
        const auto now = Clock::now();
        for (const Connection& connection : connections_) {
            if (!connection.waiting && !all_asked()) wait = std::min(wait, connection.due - now);
        }
        return std::max(wait, Clock::duration(0));
    }

    void ask(Connection& connection) {
        ++asked_;
        connection.number = ++last_number_;
        const bool large =
            settings_.large_every != 0 && connection.number % settings_.large_every == 0;
        connection.size = large ? settings_.large_size : 0;
        connection.waiting = true;
        connection.received.clear();
        const auto now = Clock::now();
        if (settings_.interval.count() == 0)
            connection.due = now;
        else if (connection.free_since <= connection.due)
            report_.late = std::max(report_.late, now - connection.due);
        if (connection.fd < 0 && !open(connection)) return fail(connection, report_.connect_errors);
        std::string request = "GET " + settings_.path + "?" + std::to_string(connection.number);
        if (large) request += "+" + std::to_string(settings_.large_size);
        request += " HTTP/1.1\r\nHost: 127.0.0.1\r\nUser-Agent: http_load\r\nAccept: */*\r\n\r\n";
        const ssize_t sent =
            ::send(connection.fd, request.data(), request.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent != static_cast<ssize_t>(request.size())) fail(connection, report_.write_errors);
    }

    bool open(Connection& connection) const {
        connection.fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (connection.fd < 0) return false;
        const int on = 1;
        const timeval patience{2, 0};
        ::setsockopt(connection.fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        ::setsockopt(connection.fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_port = htons(settings_.port);
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        epoll_event interest{};
        interest.events = EPOLLIN;
        interest.data.ptr = &connection;
        return ::connect(connection.fd, reinterpret_cast<const sockaddr*>(&address),
                         sizeof address) == 0 &&
               ::epoll_ctl(epoll_, EPOLL_CTL_ADD, connection.fd, &interest) == 0;
    }

    bool listen(Clock::duration wait) {
        std::array<epoll_event, 256> events{};
        const auto ns = std::chrono::duration_cast<std::chrono::nanoseconds>(wait).count();
        const timespec limit{ns / 1'000'000'000, ns % 1'000'000'000};
        // Milliseconds would be too coarse to ask when it is due. Linux 5.11.
        constexpr long kEpollPwait2 = 441;
        long count =
            ::syscall(kEpollPwait2, epoll_, events.data(), events.size(), &limit, nullptr, 0);
        if (count < 0 && errno == ENOSYS)
            count = ::epoll_wait(epoll_, events.data(), events.size(),
                                 static_cast<int>(ns / 1'000'000 + 1));
        if (count < 0) return errno == EINTR;
        for (long i = 0; i < count; ++i)
            hear(*static_cast<Connection*>(events.at(static_cast<std::size_t>(i)).data.ptr));
        return true;
    }

    void hear(Connection& connection) {
        std::array<char, 65536> bytes;
        const ssize_t count = ::recv(connection.fd, bytes.data(), bytes.size(), MSG_DONTWAIT);
        if (count < 0 && (errno == EAGAIN || errno == EINTR)) return;
        if (count <= 0 || !connection.waiting) {
            if (connection.waiting) return fail(connection, report_.read_errors);
            // Bytes that nobody asked for are as wrong as another's.
            ++(count > 0 ? report_.wrong : report_.closed);
            return forget(connection);
        }
        connection.received.append(bytes.data(), static_cast<std::size_t>(count));
        const Head head = read_head(connection.received);
        if (!head.whole) return;
        if (!head.good) return fail(connection, report_.bad_status);
        const std::size_t size = head.head_size + head.body_size;
        if (connection.received.size() < size) return;
        const std::string_view body = std::string_view(connection.received).substr(head.head_size);
        if (!is_answer(connection, body)) return fail(connection, report_.wrong);
        ++report_.answered;
        finish(connection);
        if (head.closes) forget(connection);
    }

    void finish(Connection& connection) {
        const auto now = Clock::now();
        report_.latencies.add(now - connection.due);
        connection.waiting = false;
        connection.free_since = now;
        // One that is behind asks at once, and counts from when it was due.
        connection.due =
            settings_.interval.count() == 0 ? now : connection.due + settings_.interval;
    }

    void fail(Connection& connection, std::uint64_t& kind) {
        ++kind;
        finish(connection);
        // Where nobody listens, a thousand failures a second say enough.
        if (settings_.interval.count() == 0) connection.due += std::chrono::milliseconds(1);
        forget(connection);
    }

    static void forget(Connection& connection) {
        if (connection.fd >= 0) ::close(connection.fd);
        connection.fd = -1;
    }

    Settings settings_;
    std::vector<Connection> connections_;
    int epoll_ = -1;
    std::size_t first_ = 0;
    std::uint64_t asked_ = 0;
    std::uint64_t last_number_ = 0;
    Clock::time_point begin_;
    Clock::time_point end_;
    Report report_;
};

void print(Report& report, double microseconds) {
    const auto number = [](std::uint64_t value) { return static_cast<unsigned long long>(value); };
    std::printf(
        "REPORT {\"requests\":%llu,\"microseconds\":%.0f,\"connect\":%llu,\"read\":%llu,"
        "\"write\":%llu,\"timeout\":%llu,\"status\":%llu,\"wrong\":%llu,\"closed\":%llu,"
        "\"late\":%llu,\"p50\":%llu,\"p99\":%llu,\"max\":%llu}\n",
        number(report.answered), microseconds, number(report.connect_errors),
        number(report.read_errors), number(report.write_errors), number(report.timeouts),
        number(report.bad_status), number(report.wrong), number(report.closed),
        number(static_cast<std::uint64_t>(
            std::chrono::duration_cast<Microseconds>(report.late).count())),
        number(report.latencies.at(50)), number(report.latencies.at(99)),
        number(report.latencies.at(100)));
}

bool set(Settings& settings, std::string_view word) {
    const std::size_t equals = word.find('=');
    if (equals == std::string_view::npos) return false;
    const std::string_view name = word.substr(0, equals);
    const std::string value(word.substr(equals + 1));
    const auto number = std::strtoull(value.c_str(), nullptr, 10);
    if (name == "seconds")
        settings.duration = std::chrono::seconds(number);
    else if (name == "requests")
        settings.requests = number;
    else if (name == "interval_us")
        settings.interval = Microseconds(number);
    else if (name == "path")
        settings.path = value;
    else if (name == "large_every")
        settings.large_every = number;
    else if (name == "large_size")
        settings.large_size = number;
    else
        return false;
    return true;
}

}  // namespace

int main(int argc, char** argv) {
    Settings settings;
    bool good = argc > 3;
    if (good) {
        settings.port = static_cast<std::uint16_t>(std::strtoul(argv[1], nullptr, 10));
        settings.connections = std::strtoul(argv[2], nullptr, 10);
        for (int i = 3; i < argc; ++i) good = set(settings, argv[i]) && good;
    }
    if (!good || settings.port == 0 || settings.connections == 0 ||
        settings.connections > kMostConnections ||
        (settings.duration.count() == 0 && settings.requests == 0)) {
        std::fprintf(stderr,
                     "usage: http_load PORT CONNECTIONS [seconds=S] [requests=N] [interval_us=U] "
                     "[path=/P] [large_every=K large_size=B]; seconds or requests are needed\n");
        return 2;
    }
    Load load(settings);
    if (!load.run()) {
        std::perror("http_load: cannot go on");
        return 1;
    }
    print(load.report(), load.microseconds());
    return 0;
}
