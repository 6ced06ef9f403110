// Answers of one worker to several clients: what is one's never comes near another's.
#include <fcntl.h>

#include "front/test_front.h"

namespace mew::front {
namespace {

using mailbox::RecordKind;
using mailbox::Taken;
using testing::FakeWorker;
using testing::FrontTest;
using testing::get;
using testing::head_bytes;
using testing::kNoFrame;

// Two requests that one worker has.
class TwoAnswersTest : public FrontTest {
protected:
    void SetUp() override {
        FrontTest::SetUp();
        one = worker(1);
        first = client();
        second = client();
        send(first, get("/first"));
        send(second, "POST /second HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n");
        to_first = take(one);
        to_second = take(one);
    }
    void give(Taken& to, RecordKind kind, std::string_view bytes) {
        ASSERT_TRUE(to.write(kind, bytes, {}, kNoFrame));
    }
    FakeWorker one;
    os::Fd first;
    os::Fd second;
    std::unique_ptr<Taken> to_first;
    std::unique_ptr<Taken> to_second;
};

TEST_F(TwoAnswersTest, AFileThatHasToBeAwaited) {
    // No file of /proc can tell whether a read would wait: a thread reads it.
    const os::Fd file(::open("/proc/self/maps", O_RDONLY | O_CLOEXEC));
    give(*to_first, RecordKind::head, head_bytes(201, 9));
    ASSERT_TRUE(to_first->write_file(file.get(), 0, 9, kNoFrame));
    ASSERT_TRUE(to_first->finish(RecordKind::end, {}, kNoFrame));
    testing::answer(*to_second, "second");
    const std::string got = read_until(second, "\r\n\r\nsecond");
    EXPECT_TRUE(got.starts_with("HTTP/1.1 200 ")) << got;
    EXPECT_TRUE(read_until(first, "\r\n\r\n").starts_with("HTTP/1.1 201 "));
}

TEST_F(TwoAnswersTest, AFileThatNeverCame) {
    give(*to_first, RecordKind::head, head_bytes(201, 8));
    give(*to_first, RecordKind::file, std::string(sizeof(mailbox::FilePart), '\0'));
    to_first->ring();
    const std::string got = read_until(second, "\r\n\r\n");
    EXPECT_TRUE(got.starts_with("HTTP/1.1 502 ")) << got;
}

TEST_F(TwoAnswersTest, AClientThatLeftInTheMiddle) {
    give(*to_first, RecordKind::head, head_bytes(201, UINT64_MAX));
    give(*to_first, RecordKind::body, std::string(Taken::kMostBody, 'x'));
    first.reset();
    testing::answer(*to_second, "second");
    EXPECT_TRUE(read_until(second, "\r\n\r\nsecond").starts_with("HTTP/1.1 200 "));
}

}  // namespace
}  // namespace mew::front
