// A load of the uwsgi protocol, for where nginx would be the limit: so many connections at a time,
// each for one request, as uwsgi_pass makes them. Native; run by bench/probes/uwsgi-nginx as its
// own process, never part of mewsgi. Usage: uwsgi_load SOCKET CONNECTIONS SECONDS
//
// Every answer must begin with a status of 200 and end with the app's body, or it is an error. In
// the end one line, read by measure/wrk.py, as wrk's own report is.
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
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

constexpr std::string_view kBody = "Hello, World!";
constexpr int kMostConnections = 1000;

struct Exchange {
    int fd = -1;
    Clock::time_point began;
    std::string answer;
};

struct Report {
    std::uint64_t connect_errors = 0;
    std::uint64_t write_errors = 0;
    std::uint64_t read_errors = 0;
    std::uint64_t bad_answers = 0;
    std::vector<std::uint32_t> microseconds;

    std::uint32_t at(std::size_t percent) {
        if (microseconds.empty()) return 0;
        const std::size_t place = (microseconds.size() - 1) * percent / 100;
        const auto nth = microseconds.begin() + static_cast<std::ptrdiff_t>(place);
        std::nth_element(microseconds.begin(), nth, microseconds.end());
        return *nth;
    }
};

void add_length(std::string& packet, std::size_t length) {
    packet.push_back(static_cast<char>(length & 0xff));
    packet.push_back(static_cast<char>(length >> 8));
}

// The variables that nginx sends for a GET, with the lengths that they usually have.
std::string make_packet() {
    constexpr std::array<std::array<std::string_view, 2>, 16> kVariables{{
        {"QUERY_STRING", ""},
        {"REQUEST_METHOD", "GET"},
        {"CONTENT_TYPE", ""},
        {"CONTENT_LENGTH", ""},
        {"REQUEST_URI", "/"},
        {"PATH_INFO", "/"},
        {"DOCUMENT_ROOT", "/usr/share/nginx/html"},
        {"SERVER_PROTOCOL", "HTTP/1.1"},
        {"REQUEST_SCHEME", "http"},
        {"REMOTE_ADDR", "127.0.0.1"},
        {"REMOTE_PORT", "54321"},
        {"SERVER_PORT", "8000"},
        {"SERVER_NAME", "front.example"},
        {"HTTP_HOST", "127.0.0.1:8000"},
        {"HTTP_USER_AGENT", "uwsgi_load"},
        {"HTTP_ACCEPT", "*/*"},
    }};
    std::string variables;
    for (const auto& [name, value] : kVariables) {
        add_length(variables, name.size());
        variables += name;
        add_length(variables, value.size());
        variables += value;
    }
    std::string packet(1, '\0');  // modifier1: WSGI
    add_length(packet, variables.size());
    packet.push_back('\0');
    return packet + variables;
}

class Load {
public:
    Load(const sockaddr_un& address, std::size_t connections)
        : address_(address), exchanges_(connections), packet_(make_packet()) {}

    // False: there is no epoll to be had.
    bool run(std::chrono::seconds duration) {
        epoll_ = ::epoll_create1(EPOLL_CLOEXEC);
        if (epoll_ < 0) return false;
        const auto end = Clock::now() + duration;
        while (Clock::now() < end) {
            for (Exchange& exchange : exchanges_) {
                if (exchange.fd < 0) begin(exchange);
            }
            if (!wait()) return false;
        }
        return true;
    }

    Report& report() { return report_; }

private:
    void begin(Exchange& exchange) {
        exchange.began = Clock::now();
        exchange.answer.clear();
        exchange.fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        if (exchange.fd < 0) return;
        const auto* name = reinterpret_cast<const sockaddr*>(&address_);
        if (::connect(exchange.fd, name, sizeof address_) != 0)
            return fail(exchange, report_.connect_errors);
        const auto size = static_cast<ssize_t>(packet_.size());
        if (::send(exchange.fd, packet_.data(), packet_.size(), MSG_NOSIGNAL) != size)
            return fail(exchange, report_.write_errors);
        epoll_event interest{};
        interest.events = EPOLLIN;
        interest.data.ptr = &exchange;
        if (::epoll_ctl(epoll_, EPOLL_CTL_ADD, exchange.fd, &interest) != 0)
            fail(exchange, report_.connect_errors);
    }

    bool wait() {
        std::array<epoll_event, 64> events{};
        constexpr int kPatience = 100;
        const int count = ::epoll_wait(epoll_, events.data(), events.size(), kPatience);
        if (count < 0) return errno == EINTR;
        for (int i = 0; i < count; ++i)
            read(*static_cast<Exchange*>(events.at(static_cast<std::size_t>(i)).data.ptr));
        return true;
    }

    void read(Exchange& exchange) {
        std::array<char, 4096> bytes{};
        const ssize_t count = ::recv(exchange.fd, bytes.data(), bytes.size(), 0);
        if (count < 0 && errno == EAGAIN) return;
        if (count < 0) return fail(exchange, report_.read_errors);
        if (count > 0) {
            exchange.answer.append(bytes.data(), static_cast<std::size_t>(count));
            return;
        }
        const std::string_view answer = exchange.answer;
        const bool good = answer.substr(0, 13) == "HTTP/1.1 200 " && answer.size() > kBody.size() &&
                          answer.substr(answer.size() - kBody.size()) == kBody;
        if (!good) return fail(exchange, report_.bad_answers);
        const auto took = Clock::now() - exchange.began;
        report_.microseconds.push_back(static_cast<std::uint32_t>(
            std::chrono::duration_cast<std::chrono::microseconds>(took).count()));
        forget(exchange);
    }

    static void fail(Exchange& exchange, std::uint64_t& kind) {
        ++kind;
        forget(exchange);
    }

    static void forget(Exchange& exchange) {
        ::close(exchange.fd);
        exchange.fd = -1;
    }

    sockaddr_un address_;
    std::vector<Exchange> exchanges_;
    std::string packet_;
    int epoll_ = -1;
    Report report_;
};

void print(Report& report, double microseconds) {
    std::printf(
        "REPORT {\"requests\":%zu,\"microseconds\":%.0f,\"connect\":%llu,\"read\":%llu,"
        "\"write\":%llu,\"timeout\":0,\"status\":%llu,\"p50\":%u,\"p99\":%u,\"max\":%u}\n",
        report.microseconds.size(), microseconds,
        static_cast<unsigned long long>(report.connect_errors),
        static_cast<unsigned long long>(report.read_errors),
        static_cast<unsigned long long>(report.write_errors),
        static_cast<unsigned long long>(report.bad_answers), report.at(50), report.at(99),
        report.at(100));
}

}  // namespace

int main(int argc, char** argv) {
    const long connections = argc == 4 ? std::strtol(argv[2], nullptr, 10) : 0;
    const long seconds = argc == 4 ? std::strtol(argv[3], nullptr, 10) : 0;
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (connections < 1 || connections > kMostConnections || seconds < 1 || seconds > 60 ||
        std::strlen(argv[1]) >= sizeof address.sun_path) {
        std::fprintf(stderr, "usage: uwsgi_load SOCKET CONNECTIONS(1-1000) SECONDS(1-60)\n");
        return 2;
    }
    std::memcpy(address.sun_path, argv[1], std::strlen(argv[1]));
    Load load(address, static_cast<std::size_t>(connections));
    const auto began = Clock::now();
    if (!load.run(std::chrono::seconds(seconds))) {
        std::perror("uwsgi_load: cannot go on");
        return 1;
    }
    const std::chrono::duration<double, std::micro> took = Clock::now() - began;
    print(load.report(), took.count());
    return 0;
}
