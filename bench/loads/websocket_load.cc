// A load of WebSocket messages that come back: each connection has so many on their way, each
// message bears a number, and what comes back is compared with what went. Run by probes/websockets
// as its own process, never part of mewsgi.
//
// Usage: websocket_load PORT CONNECTIONS seconds=S [size=B] [window=W] [path=/P] [binary=1]
//
// A latency counts from the sending of a message to its coming back. In the end one line, read by
// measure/wrk.py as wrk's own report is; "requests" are messages that came back.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
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

constexpr std::size_t kMostConnections = 1000;
constexpr std::size_t kMostLatencies = 2'000'000;
constexpr auto kHandshakePatience = std::chrono::seconds(5);
constexpr std::array<unsigned char, 4> kMask{0x5a, 0xc3, 0x17, 0x9e};
constexpr unsigned char kFinal = 0x80;
constexpr unsigned char kText = 1;
constexpr unsigned char kBinary = 2;

struct Settings {
    std::uint16_t port = 0;
    std::size_t connections = 0;
    std::chrono::seconds duration{0};
    std::size_t size = 64;
    std::size_t window = 1;
    std::string path = "/";
    bool binary = false;
};

struct Report {
    std::uint64_t answered = 0;
    std::uint64_t connect_errors = 0;
    std::uint64_t read_errors = 0;
    std::uint64_t write_errors = 0;
    std::uint64_t wrong = 0;
    std::vector<std::uint32_t> latencies;
};

struct Connection {
    int fd = -1;
    std::uint64_t sent = 0;
    std::uint64_t expected = 0;
    std::vector<Clock::time_point> started;  // by number, modulo the window
    std::string received;
};

// What message `number` of a connection holds: its number, then a letter that changes with it.
void append_payload(std::uint64_t number, std::size_t size, std::string& out) {
    const std::string word = std::to_string(number);
    out.append(word, 0, std::min(word.size(), size));
    if (size > word.size()) out.append(size - word.size(), static_cast<char>('a' + number % 26));
}

void append_frame(const Settings& settings, std::uint64_t number, std::string& out) {
    out.push_back(static_cast<char>(kFinal | (settings.binary ? kBinary : kText)));
    const std::size_t size = settings.size;
    constexpr unsigned char kMasked = 0x80;
    if (size < 126) {
        out.push_back(static_cast<char>(kMasked | size));
    } else if (size <= 0xffff) {
        out.push_back(static_cast<char>(kMasked | 126));
        out.push_back(static_cast<char>(size >> 8));
        out.push_back(static_cast<char>(size & 0xff));
    } else {
        out.push_back(static_cast<char>(kMasked | 127));
        for (int shift = 56; shift >= 0; shift -= 8)
            out.push_back(static_cast<char>((static_cast<std::uint64_t>(size) >> shift) & 0xff));
    }
    out.append(reinterpret_cast<const char*>(kMask.data()), kMask.size());
    const std::size_t begin = out.size();
    append_payload(number, size, out);
    for (std::size_t i = begin; i < out.size(); ++i)
        out[i] = static_cast<char>(static_cast<unsigned char>(out[i]) ^ kMask[(i - begin) % 4]);
}

struct Frame {
    bool whole = false;
    unsigned char first = 0;
    std::size_t begin = 0;
    std::size_t size = 0;
};

Frame read_frame(std::string_view bytes) {
    Frame frame;
    if (bytes.size() < 2) return frame;
    const auto byte = [&](std::size_t at) { return static_cast<unsigned char>(bytes[at]); };
    frame.first = byte(0);
    frame.size = byte(1) & 0x7f;
    frame.begin = 2;
    std::size_t more = 0;
    if (frame.size == 126) more = 2;
    if (frame.size == 127) more = 8;
    if (bytes.size() < 2 + more) return frame;
    if (more != 0) frame.size = 0;
    for (std::size_t i = 0; i < more; ++i) frame.size = frame.size << 8 | byte(2 + i);
    frame.begin += more;
    frame.whole = bytes.size() - frame.begin >= frame.size;
    return frame;
}

class Load {
public:
    explicit Load(const Settings& settings)
        : settings_(settings), connections_(settings.connections) {}

    bool run() {
        epoll_ = ::epoll_create1(EPOLL_CLOEXEC);
        if (epoll_ < 0) return false;
        for (Connection& connection : connections_) {
            connection.started.resize(settings_.window);
            if (!open(connection)) ++report_.connect_errors;
        }
        begin_ = Clock::now();
        const auto end = begin_ + settings_.duration;
        for (Connection& connection : connections_)
            if (connection.fd >= 0) send_more(connection, settings_.window);
        while (Clock::now() < end) {
            if (!listen()) return false;
        }
        end_ = Clock::now();
        return true;
    }

    Report& report() { return report_; }
    double microseconds() const {
        return std::chrono::duration<double, std::micro>(end_ - begin_).count();
    }

private:
    bool open(Connection& connection) const {
        const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (fd < 0) return false;
        const int on = 1;
        const timeval patience{kHandshakePatience.count(), 0};
        ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        ::setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
        ::setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_port = htons(settings_.port);
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        epoll_event interest{};
        interest.events = EPOLLIN;
        interest.data.ptr = &connection;
        if (::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0 &&
            shake_hands(fd) && ::epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &interest) == 0) {
            connection.fd = fd;
            return true;
        }
        ::close(fd);
        return false;
    }

    bool shake_hands(int fd) const {
        const std::string request = "GET " + settings_.path +
                                    " HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\n"
                                    "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                                    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
        if (::send(fd, request.data(), request.size(), MSG_NOSIGNAL) !=
            static_cast<ssize_t>(request.size()))
            return false;
        std::string head;
        while (head.find("\r\n\r\n") == std::string::npos) {
            std::array<char, 4096> bytes;
            const ssize_t count = ::recv(fd, bytes.data(), bytes.size(), 0);
            if (count <= 0) return false;
            head.append(bytes.data(), static_cast<std::size_t>(count));
        }
        return head.compare(0, 12, "HTTP/1.1 101") == 0;
    }

    void send_more(Connection& connection, std::size_t count) {
        outgoing_.clear();
        const auto now = Clock::now();
        for (std::size_t i = 0; i < count; ++i) {
            connection.started[connection.sent % settings_.window] = now;
            append_frame(settings_, connection.sent++, outgoing_);
        }
        std::string_view left = outgoing_;
        while (!left.empty()) {
            const ssize_t sent = ::send(connection.fd, left.data(), left.size(), MSG_NOSIGNAL);
            if (sent < 0 && errno == EINTR) continue;
            if (sent <= 0) return forget(connection, report_.write_errors);
            left.remove_prefix(static_cast<std::size_t>(sent));
        }
    }

    bool listen() {
        std::array<epoll_event, 256> events{};
        const int count = ::epoll_wait(epoll_, events.data(), static_cast<int>(events.size()), 100);
        if (count < 0) return errno == EINTR;
        for (int i = 0; i < count; ++i)
            hear(*static_cast<Connection*>(events.at(static_cast<std::size_t>(i)).data.ptr));
        return true;
    }

    void hear(Connection& connection) {
        std::array<char, 65536> bytes;
        const ssize_t count = ::recv(connection.fd, bytes.data(), bytes.size(), MSG_DONTWAIT);
        if (count < 0 && (errno == EAGAIN || errno == EINTR)) return;
        if (count <= 0) return forget(connection, report_.read_errors);
        connection.received.append(bytes.data(), static_cast<std::size_t>(count));
        std::size_t at = 0;
        std::size_t came = 0;
        const auto now = Clock::now();
        while (true) {
            const std::string_view rest = std::string_view(connection.received).substr(at);
            const Frame frame = read_frame(rest);
            if (!frame.whole) break;
            if (!is_echo(connection, frame, rest.substr(frame.begin, frame.size)))
                return forget(connection, report_.wrong);
            note(now - connection.started[connection.expected % settings_.window]);
            ++connection.expected;
            ++came;
            at += frame.begin + frame.size;
        }
        connection.received.erase(0, at);
        if (came != 0) send_more(connection, came);
    }

    bool is_echo(const Connection& connection, const Frame& frame, std::string_view payload) {
        if (frame.first != (kFinal | (settings_.binary ? kBinary : kText))) return false;
        expected_.clear();
        append_payload(connection.expected, settings_.size, expected_);
        return payload == expected_;
    }

    void note(Clock::duration latency) {
        ++report_.answered;
        if (report_.latencies.size() < kMostLatencies)
            report_.latencies.push_back(static_cast<std::uint32_t>(
                std::chrono::duration_cast<Microseconds>(latency).count()));
    }

    static void forget(Connection& connection, std::uint64_t& kind) {
        ++kind;
        ::close(connection.fd);
        connection.fd = -1;
    }

    Settings settings_;
    std::vector<Connection> connections_;
    int epoll_ = -1;
    std::string outgoing_;
    std::string expected_;
    Clock::time_point begin_;
    Clock::time_point end_;
    Report report_;
};

void print(Report& report, double microseconds) {
    std::sort(report.latencies.begin(), report.latencies.end());
    const auto at = [&](std::size_t percent) -> unsigned {
        if (report.latencies.empty()) return 0;
        const std::size_t rank = report.latencies.size() * percent / 100;
        return report.latencies[std::min(rank, report.latencies.size() - 1)];
    };
    const auto number = [](std::uint64_t value) { return static_cast<unsigned long long>(value); };
    std::printf(
        "REPORT {\"requests\":%llu,\"microseconds\":%.0f,\"connect\":%llu,\"read\":%llu,"
        "\"write\":%llu,\"timeout\":0,\"status\":0,\"wrong\":%llu,\"p50\":%u,\"p99\":%u,"
        "\"max\":%u}\n",
        number(report.answered), microseconds, number(report.connect_errors),
        number(report.read_errors), number(report.write_errors), number(report.wrong), at(50),
        at(99), at(100));
}

bool set(Settings& settings, std::string_view word) {
    const std::size_t equals = word.find('=');
    if (equals == std::string_view::npos) return false;
    const std::string_view name = word.substr(0, equals);
    const std::string value(word.substr(equals + 1));
    const auto number = std::strtoull(value.c_str(), nullptr, 10);
    if (name == "seconds")
        settings.duration = std::chrono::seconds(number);
    else if (name == "size")
        settings.size = number;
    else if (name == "window")
        settings.window = number;
    else if (name == "path")
        settings.path = value;
    else if (name == "binary")
        settings.binary = number != 0;
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
        settings.connections > kMostConnections || settings.duration.count() == 0 ||
        settings.window == 0) {
        std::fprintf(stderr,
                     "usage: websocket_load PORT CONNECTIONS seconds=S [size=B] [window=W] "
                     "[path=/P] [binary=1]\n");
        return 2;
    }
    Load load(settings);
    if (!load.run()) {
        std::perror("websocket_load: cannot go on");
        return 1;
    }
    print(load.report(), load.microseconds());
    return 0;
}
