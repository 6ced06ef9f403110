#pragma once
// Clients of a front, each on a connection of its own: what they ask, what they get, and whether
// that is what a client may get. Requests have paths of their own, and bodies that follow from the
// path, so that whoever serves one can tell whether it is what was sent.

#include <sys/socket.h>

#include <array>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "front/testing/stage.h"
#include "fuzz/answers.h"
#include "fuzz/program.h"

namespace mew::fuzz {

inline std::string body_piece(const std::string& path, std::size_t from, std::size_t size) {
    std::string piece(size, '\0');
    for (std::size_t i = 0; i < size; ++i)
        piece[i] = static_cast<char>('a' + (from + i + 7 * path.size() + path[2]) % 26);
    return piece;
}

// What was sent by anybody: path to method and size of the body (UINT64_MAX: chunked).
struct Sent {
    std::string method;
    std::uint64_t size = 0;
};
using AllSent = std::map<std::string, Sent>;

class Client {
public:
    explicit Client(char name) : name_(name) {}

    bool open() const { return socket_.valid(); }
    bool may_ask() const { return open() && !wrote_end_ && !stuck_ && body_left_ == 0; }

    void connect(front::testing::Stage& stage) {
        socket_ = stage.connect();
        asked_.clear();
        got_.clear();
        wrote_end_ = stuck_ = false;
        body_left_ = 0;
    }
    void ask(Program& program, AllSent& sent) {
        const std::uint8_t kind = program.one_of(10);
        const std::size_t size = program.word() * (kind == 5 ? 8U : 1U);
        if (!may_ask()) return;
        switch (kind) {
            case 0:
                return head("GET", "1.1", "", 0, sent);
            case 1:
                return head("HEAD", "1.1", "", 0, sent);
            case 2:
                return head("GET", "1.0", "", 0, sent);
            case 3:
                return head("GET", "1.0", "Connection: keep-alive\r\n", 0, sent);
            case 4:
            case 5:
                head("POST", "1.1", length(size), size, sent);
                return upload(kind == 4 ? size : 0);
            case 6:
                return head("PUT", "1.1", length(size) + "Expect: 100-continue\r\n", size, sent);
            case 7:
                head("POST", "1.1", "Transfer-Encoding: chunked\r\n", UINT64_MAX, sent);
                return chunk(size % 1000);
            case 8:
                head("GET", "1.1", "", 0, sent);
                return head("GET", "1.1", "", 0, sent);
            default:
                return head("OPTIONS", "1.1", "", 0, sent);
        }
    }
    void upload(std::size_t size) {
        if (!open() || wrote_end_ || stuck_ || body_left_ == 0) return;
        if (chunked_) return chunk(size % 2000);
        size = static_cast<std::size_t>(std::min<std::uint64_t>(size, body_left_));
        const std::string piece = body_piece(path_, body_sent_, size);
        write(piece);
        body_sent_ += size;
        body_left_ -= size;
    }
    void read() {
        if (open()) got_ += front::testing::Stage::received(socket_);
        (void)AnswerReader(asked_, got_).read();
    }
    void stop_writing() {
        if (!open()) return;
        wrote_end_ = true;
        ::shutdown(socket_.get(), SHUT_WR);
    }
    void leave() { socket_.reset(); }

    // Nobody does anything any more: each answer came, or the connection ended.
    void expect_end() {
        read();
        if (!open() || body_left_ != 0 || stuck_) return;
        const Answered answered = AnswerReader(asked_, got_).read();
        const bool all = !answered.cut && !answered.closes && answered.whole == asked_.size();
        // A broken answer whose end only the end of the connection would tell goes silent.
        require(all || answered.until_end || front::testing::Stage::ended(socket_),
                "an answer never came", [&] { return path_ + "\n" + got_; });
    }
    void ask_for(const std::string& path) { write(front::testing::get(path)); }
    bool ended() const { return front::testing::Stage::ended(socket_); }
    std::string received() const { return front::testing::Stage::received(socket_); }

private:
    static std::string length(std::size_t size) {
        return "Content-Length: " + std::to_string(size) + "\r\n";
    }
    void head(const std::string& method, const std::string& version, const std::string& fields,
              std::uint64_t size, AllSent& sent) {
        path_ = std::string("/") + name_ + std::to_string(next_++);
        asked_.push_back(
            {method == "HEAD", version == "1.0", fields.find("100-continue") != std::string::npos});
        sent[path_] = {method, size};
        chunked_ = size == UINT64_MAX;
        body_sent_ = 0;
        body_left_ = chunked_ ? 1 : size;
        write(method + " " + path_ + " HTTP/" + version + "\r\nHost: x\r\n" + fields + "\r\n");
    }
    // The last one is empty.
    void chunk(std::size_t size) {
        char line[16];
        std::snprintf(line, sizeof line, "%zx\r\n", size);
        write(line + body_piece(path_, body_sent_, size) + "\r\n");
        body_sent_ += size;
        if (size == 0) body_left_ = 0;
    }
    // What the front does not take is lost, and the client says nothing more.
    void write(const std::string& bytes) {
        if (stuck_) return;
        const ssize_t size = ::send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
        stuck_ = size != static_cast<ssize_t>(bytes.size());
    }

    char name_;
    os::Fd socket_;
    std::vector<Asked> asked_;
    std::string got_;
    std::string path_;  // of the last request
    bool chunked_ = false;
    std::size_t body_sent_ = 0;
    std::uint64_t body_left_ = 0;
    bool wrote_end_ = false;
    bool stuck_ = false;
    int next_ = 0;
};

// A worker that does what it should, and looks whether it is asked what was sent.
class HonestWorker {
public:
    explicit HonestWorker(front::testing::Stage& stage) : worker_(stage.attach_worker({1, 1, 1})) {}

    // False: there was nothing to do.
    bool serve(const AllSent& sent) {
        require(worker_.side->hear(), "the channel of a worker of ours was closed",
                [] { return std::string(); });
        bool any = false;
        while (auto taken = worker_.side->take()) {
            any = true;
            http::RequestHead head;
            expect(taken->read_head(head), "a request that is none", head);
            const auto found = sent.find(std::string(head.path()));
            expect(found != sent.end() && found->second.method == head.method(),
                   "a request that nobody sent", head);
            if (found != sent.end()) check_body(*taken, found->first, found->second, head);
            expect(front::testing::give_answer(*taken, "ok " + std::string(head.path())) ||
                       taken->cancelled(),
                   "no room for an answer", head);
        }
        return any;
    }

private:
    static void expect(bool holds, const char* promise, const http::RequestHead& head) {
        require(holds, promise, [&] { return std::string(head.block()); });
    }
    static void check_body(mailbox::Taken& taken, const std::string& path, const Sent& sent,
                           const http::RequestHead& head) {
        if (taken.frame().body == mailbox::BodyWay::none)
            return expect(sent.size == 0, "a body is missing", head);
        std::string there(taken.body());
        if (taken.frame().body == mailbox::BodyWay::file) {
            there.resize(taken.frame().body_size);
            expect(::pread(taken.file(), there.data(), there.size(), 0) ==
                       static_cast<ssize_t>(there.size()),
                   "the file of a body is short", head);
        }
        expect(there == body_piece(path, 0, there.size()), "a body that nobody sent", head);
        if (sent.size == UINT64_MAX || taken.frame().body != mailbox::BodyWay::ring) return;
        expect(there.size() <= sent.size, "more of a body than was sent", head);
        if (taken.body_end() == mailbox::kBodyComplete)
            expect(there.size() == std::min<std::uint64_t>(sent.size, mailbox::kBodyRing),
                   "a body ends before it is whole", head);
    }

    front::testing::FakeWorker worker_;
};

}  // namespace mew::fuzz
