#include "master/command_socket.h"

#include <sys/socket.h>
#include <unistd.h>

namespace mew::master {
namespace {

constexpr base::Milliseconds kAskDeadline{5000};
constexpr base::Milliseconds kReadDeadline{10000};
constexpr std::size_t kMaxClients = 64;

}  // namespace

class CommandSocket::Client final : public net::EventHandler {
public:
    Client(CommandSocket& owner, ClientId id, os::Fd fd, const ucred& who)
        : owner_(owner), id_(id), fd_(std::move(fd)), who_(who) {}
    ~Client() override {
        stop_deadline();
        if (fd_) owner_.loop_.remove(fd_.get(), *this);
    }
    Client(const Client&) = delete;
    Client& operator=(const Client&) = delete;

    base::Result<void> open() {
        start_deadline(kAskDeadline);
        return owner_.loop_.add(fd_.get(), EPOLLIN, *this);
    }

    void answer(const CommandAnswer& answer) {
        rest_ = encode_answer(answer);
        answered_ = true;
        start_deadline(kReadDeadline);
        send_rest();
    }

    state::Client to_state() const { return {{fd_.get()}, asked_, answered_, line_, rest_}; }
    base::Result<void> take_over(const state::Client& from) {
        asked_ = from.asked;
        answered_ = from.answered;
        line_ = from.line;
        rest_ = from.rest;
        if (answered_ || !asked_) start_deadline(answered_ ? kReadDeadline : kAskDeadline);
        return owner_.loop_.add(fd_.get(), answered_ ? EPOLLOUT : EPOLLIN, *this);
    }

    void on_event(std::uint32_t events) override {
        if (answered_) return send_rest();
        if ((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0) read_some();
    }

private:
    void read_some() {
        char buffer[kMaxCommand];
        const ssize_t n = ::recv(fd_.get(), buffer, sizeof buffer, MSG_DONTWAIT);
        if (n < 0 && (errno == EAGAIN || errno == EINTR)) return;
        if (n <= 0) return owner_.drop(id_);
        line_.append(buffer, static_cast<std::size_t>(n));
        const std::size_t end = line_.find('\n');
        if (asked_ || (end == std::string::npos && line_.size() >= kMaxCommand))
            return owner_.drop(id_);
        if (end == std::string::npos) return;
        stop_deadline();
        asked_ = true;
        const auto command = parse_command(std::string_view(line_).substr(0, end));
        line_.clear();
        const uid_t own = ::geteuid();
        if (who_.uid != 0 && who_.uid != own)
            return answer(
                {1, "only root and uid " + std::to_string(own) + " may command this server\n"});
        if (!command)
            return answer({1,
                           "this server does not know that command; is the mewsgi that you "
                           "called of another version?\n"});
        owner_.handler_(*command, who_.pid, id_);
    }

    void send_rest() {
        while (!rest_.empty()) {
            const ssize_t n =
                ::send(fd_.get(), rest_.data(), rest_.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
            if (n < 0 && errno == EINTR) continue;
            if (n < 0 && errno == EAGAIN) {
                if (!owner_.loop_.modify(fd_.get(), EPOLLOUT, *this)) owner_.drop(id_);
                return;
            }
            if (n <= 0) break;
            rest_.erase(0, static_cast<std::size_t>(n));
        }
        owner_.drop(id_);
    }

    void start_deadline(base::Milliseconds delay) {
        stop_deadline();
        deadline_ = owner_.loop_.start_timer(delay, [this] {
            deadline_ = 0;
            owner_.drop(id_);
        });
    }
    void stop_deadline() {
        if (deadline_ != 0) owner_.loop_.cancel_timer(deadline_);
        deadline_ = 0;
    }

    CommandSocket& owner_;
    ClientId id_;
    os::Fd fd_;
    ucred who_;
    std::string line_;
    std::string rest_;
    bool asked_ = false;
    bool answered_ = false;
    net::TimerId deadline_ = 0;
};

CommandSocket::CommandSocket(net::EventLoop& loop, Handler handler)
    : loop_(loop), handler_(std::move(handler)) {}

CommandSocket::~CommandSocket() { close(); }

base::Result<void> CommandSocket::open(const std::string& name) {
    listener_.reset(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!listener_) return base::fail_errno("cannot make the command socket");
    const auto [address, length] = abstract_address(name);
    if (::bind(listener_.get(), reinterpret_cast<const sockaddr*>(&address), length) != 0 ||
        ::listen(listener_.get(), 16) != 0)
        return base::fail_errno("cannot bind the command socket @" + name);
    return loop_.add(listener_.get(), EPOLLIN, *this);
}

void CommandSocket::on_event(std::uint32_t) {
    for (;;) {
        const int fd = ::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (fd < 0) return;
        accept_one(fd);
    }
}

void CommandSocket::accept_one(int fd) {
    os::Fd socket(fd);
    ucred who{};
    socklen_t length = sizeof who;
    if (clients_.size() >= kMaxClients ||
        ::getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &length) != 0)
        return;
    const ClientId id = next_++;
    auto client = std::make_unique<Client>(*this, id, std::move(socket), who);
    if (client->open()) clients_.emplace(id, std::move(client));
}

void CommandSocket::to_state(state::Whole& into) const {
    into.commands.fd = listener_.get();
    for (const auto& [id, client] : clients_) into.clients.push_back(client->to_state());
}

base::Result<std::vector<ClientId>> CommandSocket::take_over(
    os::Fd listener, const std::vector<state::Client>& clients) {
    std::vector<ClientId> waiting;
    for (const state::Client& from : clients) {
        os::Fd socket(from.fd.fd);
        ucred who{};
        socklen_t length = sizeof who;
        if (::getsockopt(socket.get(), SOL_SOCKET, SO_PEERCRED, &who, &length) != 0) continue;
        const ClientId id = next_++;
        auto client = std::make_unique<Client>(*this, id, std::move(socket), who);
        if (!client->take_over(from)) continue;
        clients_.emplace(id, std::move(client));
        if (from.asked && !from.answered) waiting.push_back(id);
    }
    listener_ = std::move(listener);
    if (!listener_) return waiting;
    if (auto added = loop_.add(listener_.get(), EPOLLIN, *this); !added)
        return std::move(added).failure();
    return waiting;
}

void CommandSocket::answer(ClientId client, const CommandAnswer& answer) {
    const auto found = clients_.find(client);
    if (found != clients_.end()) found->second->answer(answer);
}

void CommandSocket::drop(ClientId client) {
    const auto found = clients_.find(client);
    if (found == clients_.end()) return;
    loop_.defer_delete(std::move(found->second));
    clients_.erase(found);
}

void CommandSocket::close() {
    clients_.clear();
    if (!listener_) return;
    loop_.remove(listener_.get(), *this);
    listener_.reset();
}

}  // namespace mew::master
