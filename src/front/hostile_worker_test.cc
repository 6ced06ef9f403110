// Workers that break the rules, from what the fuzz target of the mailbox found.
#include "front/test_front.h"

namespace mew::front {
namespace {

using mailbox::RecordKind;
using testing::FrontTest;
using testing::get;

// A record of a worker that has not taken the request, or any other.
void put_record(const mailbox::Channel& memory, std::uint32_t slot, RecordKind kind) {
    const mailbox::Record record{static_cast<std::uint32_t>(kind), 0};
    std::atomic<std::uint64_t>& written = memory.control(slot).reply_written;
    memory.reply_ring(slot).put(written.load(),
                                {reinterpret_cast<const char*>(&record), sizeof record});
    written.fetch_add(sizeof record);
}

TEST_F(FrontTest, AnAnswerToWhatWasNotTakenHarmsItselfOnly) {
    auto one = worker(1);
    const os::Fd browser = client();
    send(browser, get("/"));
    turn();
    put_record(one.spy, 0, RecordKind::head);
    put_record(one.spy, 0, RecordKind::end);
    EXPECT_TRUE(read_until(browser, "\r\n\r\n").starts_with("HTTP/1.1 502 "));
    until([&] { return slot.outstanding.load() == 0; });
}

}  // namespace
}  // namespace mew::front
