#pragma once
// The worker's end of a channel: takes posted requests, reads their bodies, writes the records of
// their answers. What the front posts was parsed by it and is checked here once more, so that a
// front that was taken over reaches an app by requests and by nothing else.
//
// TakingSide is used by whoever runs the worker's loop; a Taken by the thread that runs its
// exchange. Those of one channel may run on several threads.

#include <atomic>
#include <bit>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "http/request_head.h"
#include "mailbox/channel.h"

namespace mew::mailbox {

// What is around a wait: the language's lock is given back meanwhile.
struct WaitFrame {
    void (*before)(void* context) = nullptr;
    void (*after)(void* context) = nullptr;
    void* context = nullptr;
};

// What both halves of the worker's end share; lives as long as the last exchange on it.
class Attached {
public:
    Attached(Channel the_channel, os::Fd the_socket)
        : channel(std::move(the_channel)), socket(std::move(the_socket)), files_(channel.slots()) {}

    Channel channel;
    os::Fd socket;
    std::atomic<bool> gone{false};  // the front is

    // Tells the front of records, if it sleeps.
    void ring();
    // Reads what came by the socket, on any thread. False: the front is gone, or let the channel
    // go.
    bool hear(Hear how);
    // The descriptor that came for this request; none: it has not come.
    os::Fd take_file(std::uint32_t slot, std::uint64_t sequence);

private:
    struct File {
        std::uint64_t sequence = 0;
        os::Fd fd;
    };
    std::mutex lock_;
    std::vector<File> files_;  // by slot
};

// One request that was taken.
class Taken {
public:
    Taken(std::shared_ptr<Attached> attached, std::uint32_t slot, std::uint64_t sequence);

    // Copies and checks. False: the frame is not what a front posts.
    bool read_head(http::RequestHead& head);
    // After read_head(); texts lie in here.
    const RequestFrame& frame() const { return frame_; }
    std::string_view address() const { return {frame_.address, frame_.address_size}; }
    std::string_view port() const { return {frame_.port, frame_.port_size}; }
    int file() const { return file_.get(); }

    // --- body by the ring
    // Bytes that are there, in one piece; they stay until release().
    std::string_view body();
    void release(std::size_t size);
    // kBodyOpen, kBodyComplete or a status; what was written before it is there.
    std::uint32_t body_end() const;
    // Waits until there is more body, or its end. False: nobody is interested any more.
    bool await_body(const WaitFrame& frame);

    // --- without waiting: whoever has the loop is told of the slot instead (TakingSide::woken)
    std::uint32_t slot() const { return slot_; }
    // The client's end of input is the end of interest too.
    void end_with_input(bool on) { ends_with_input_ = on; }
    // Says that body, room for records or the end of interest are news. False: there are some now.
    bool await_news(bool body, std::uint64_t room);
    // Of room alone, for the last record of an answer that nobody waits for.
    bool await_room(std::uint64_t room);
    bool has_room(std::uint64_t size);
    // Room that a record with so much payload takes.
    static constexpr std::uint64_t room_for(std::size_t payload) {
        return padded(sizeof(Record) + payload, kRecordAlign);
    }

    // --- answer
    // Is the client, or the front, gone?
    bool cancelled() const;
    // Most bytes of payload that one record may have, so that several fit.
    static constexpr std::size_t kMostBody = kReplyRing / 2 - kRecordAlign;
    // Publishes a record of these two pieces; waits for room. False: nobody is interested any more.
    bool write(RecordKind kind, std::string_view first, std::string_view second,
               const WaitFrame& frame);
    // A record for a file, whose descriptor goes before it. False: it cannot be sent that way just
    // now, and nothing was written.
    bool write_file(int fd, std::uint64_t offset, std::uint64_t size, const WaitFrame& frame);
    // In place of a head: the client's connection, and what was received on it already.
    bool may_be_lent() const { return frame_.may_lend != 0; }
    // Asks for it. False: nobody is interested any more.
    bool ask_for_connection(Lend how, const WaitFrame& frame);
    // What became of that; to be looked at whenever the channel was heard.
    enum class Lent : std::uint8_t { not_yet, yes, no };
    Lent take_connection(os::Fd& socket, std::string& unread);
    // Both, and the wait between them. None: the front cannot lend it, or nobody is interested any
    // more.
    os::Fd borrow(Lend how, std::string& unread, const WaitFrame& frame);
    // The last record; the slot is the front's from then on.
    bool finish(RecordKind kind, std::string_view payload, const WaitFrame& frame);
    void ring() { attached_->ring(); }

private:
    SlotControl& control() const { return attached_->channel.control(slot_); }
    bool front_gone() const { return attached_->gone.load(std::memory_order_relaxed); }
    // Until `ready`, or in vain: it is `over`.
    bool await(const WaitFrame& frame, bool (Taken::*ready)(std::uint64_t), std::uint64_t need,
               bool (Taken::*over)() const);
    bool has_body(std::uint64_t);
    void put(RecordKind kind, std::string_view first, std::string_view second);

    std::shared_ptr<Attached> attached_;
    std::uint32_t slot_;
    std::uint64_t sequence_;
    os::Fd file_;
    RequestFrame frame_;
    std::uint64_t written_ = 0;
    std::uint64_t body_read_ = 0;
    std::uint64_t released_ = 0;  // since the front was last told
    bool replying_ = false;
    bool ends_with_input_ = false;
};

class TakingSide {
public:
    TakingSide(Channel channel, os::Fd socket)
        : attached_(std::make_shared<Attached>(std::move(channel), std::move(socket))) {}
    ~TakingSide() { close(); }

    int socket() const { return attached_->socket.get(); }

    // The next request; nothing: there is none.
    std::optional<Taken> take();
    // On an event of the socket: as Attached::hear(), and ends the channel with it.
    bool hear();
    // Nothing more is taken: the front shall take back what it posted.
    void leave();
    // The front is gone, or breaks the rules: whoever waits for it is woken.
    void close();
    bool closed() const { return attached_->gone.load(std::memory_order_relaxed); }

    // Before the loop waits; false: there are news already. `takes`: a request would be one.
    bool prepare_sleep(bool takes = true);
    void awake() { attached_->channel.worker_line().sleeping.store(0, std::memory_order_relaxed); }
    bool has_posted() const;
    void ring() { attached_->ring(); }
    // Slots of which there are news; none: nothing was marked.
    template <class Call>
    void take_woken(Call&& call) {
        for (std::uint32_t word = 0; word * 64 < attached_->channel.slots(); ++word) {
            std::atomic<std::uint64_t>& shared = attached_->channel.woken(word);
            if (shared.load(std::memory_order_seq_cst) == 0) continue;
            std::uint64_t bits = shared.exchange(0, std::memory_order_seq_cst);
            for (; bits != 0; bits &= bits - 1)
                call(word * 64 + static_cast<std::uint32_t>(std::countr_zero(bits)));
        }
    }
    bool has_woken() const;
    std::uint32_t slots() const { return attached_->channel.slots(); }

private:
    std::shared_ptr<Attached> attached_;
    std::uint32_t head_ = 0;
    std::uint32_t taken_to_ = 0;  // no slot at or behind it was ever taken
    bool left_ = false;
};

}  // namespace mew::mailbox
