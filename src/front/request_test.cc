// What a front keeps of a request until it needs it no more.
#include "front/test_front.h"

namespace mew::front {
namespace {

using testing::FakeWorker;
using testing::FrontTest;
using testing::get;

std::string text_of(mailbox::Taken& taken) {
    http::RequestHead head;
    EXPECT_TRUE(taken.read_head(head));
    return std::string(head.method()) + " " + std::string(head.path());
}

TEST_F(FrontTest, AHeadIsKeptUntilItsBodyIsWhole) {
    auto one = worker(1);
    const os::Fd first = client();
    const os::Fd second = client();
    send(first, "POST /first HTTP/1.1\r\nHost: x\r\nContent-Length: 60\r\n\r\n");
    turn();
    send(second, get("/second"));
    EXPECT_EQ(text_of(*take(one)), "GET /second");
    send(first, std::string(60, 'b'));
    EXPECT_EQ(text_of(*take(one)), "POST /first");
}

TEST_F(FrontTest, AHeadIsKeptWhileAnotherWorkerMayNeedIt) {
    auto one = worker(1);
    const os::Fd first = client();
    send(first, get("/first") + get("/behind"));
    turn();
    const os::Fd second = client();
    send(second, get("/second"));
    turn();
    one.side.reset();
    turn();
    auto two = worker(2);
    EXPECT_EQ(text_of(*take(two)), "GET /first");
    EXPECT_EQ(text_of(*take(two)), "GET /second");
}

}  // namespace
}  // namespace mew::front
