// A worker's end of the routed way, its fronts played by the posting side of their channels.
#include "worker/mailboxes.h"

#include "mailbox/posting_side.h"
#include "worker/async_cores.h"
#include "worker/test_connection.h"

namespace mew::worker {
namespace {

// A front, and a request to post.
struct FakeFront {
    std::unique_ptr<mailbox::PostingSide> side;
    mailbox::Channel spy;  // to write where no front of ours would
    std::string text = "GET /a HTTP/1.1\r\nHost: h\r\n\r\n";
    http::RequestHead head;

    std::uint32_t post(std::string_view body = {}, bool whole = true) {
        head.clear();
        head.set_block(text.data(), text.size());
        head.method_slice = {0, 3};
        head.target_slice = head.path_slice = {4, 2};
        mailbox::Request request{head, "192.0.2.1", "1234"};
        request.body = body.empty() ? mailbox::BodyWay::none : mailbox::BodyWay::ring;
        request.body_bytes = body;
        request.body_complete = whole;
        const auto slot = side->post(request);
        EXPECT_TRUE(slot);
        return slot.value_or(0);
    }
    // How the answer in this slot ends; nothing: it does not yet.
    std::optional<mailbox::RecordKind> end_of(std::uint32_t slot) {
        mailbox::PostingSide::Piece piece;
        while (side->look(slot, piece) == mailbox::PostingSide::Look::record) {
            if (piece.kind >= mailbox::RecordKind::end) return piece.kind;
            side->consume(slot, piece);
        }
        return std::nullopt;
    }
    // Did the worker let the channel go?
    bool is_let_go() {
        mailbox::Received received;
        return mailbox::receive_packet(side->socket(), received) == mailbox::Receipt::closed;
    }
};

class MailboxesTest : public ConnectionTest {
protected:
    void SetUp() override {
        ConnectionTest::SetUp();
        mailboxes = std::make_unique<Mailboxes>(*context);
    }
    std::unique_ptr<FakeFront> front() {
        auto made = std::make_unique<FakeFront>();
        const auto memory = mailbox::make_channel(4096);
        int pair[2] = {-1, -1};
        EXPECT_EQ(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
        made->side = std::make_unique<mailbox::PostingSide>(
            *mailbox::Channel::attach(memory->get()), os::Fd(pair[0]));
        made->spy = *mailbox::Channel::attach(memory->get());
        EXPECT_TRUE(mailboxes->attach(*memory, os::Fd(pair[1])));
        return made;
    }
    void run() {
        turn();
        mailboxes->run();
    }
    // As the worker does at each turn.
    void run_over() {
        while (!context->over.empty()) {
            Job& over = context->over.front();
            static_cast<base::ListNode<OverTag>&>(over).unlink();
            over.on_core_done();
        }
    }
    std::unique_ptr<Mailboxes> mailboxes;
};

TEST_F(MailboxesTest, ARequestIsAnswered) {
    const auto one = front();
    const std::uint32_t posted = one->post();
    run();
    EXPECT_EQ(app.target, "/a");
    EXPECT_EQ(one->end_of(posted), mailbox::RecordKind::end);
}

// With the end of its answer a slot may be another client's; an app may still look at its body
// then, when what it returned is closed.
TEST_F(MailboxesTest, AnAnswerEndsOnceItsBodyIsLookedAtNoMore) {
    const auto one = front();
    std::uint32_t posted = 0;
    bool reads = true;
    std::optional<mailbox::RecordKind> seen;
    app.action = [&](http::Exchange& exchange) {
        if (reads) {
            const auto piece = exchange.body->read();
            ASSERT_TRUE(piece);
            EXPECT_EQ(*piece, "body");
        }
        TestApp::answer(exchange, "hello");
        seen = one->end_of(posted);
    };
    posted = one->post("body");
    run();
    EXPECT_FALSE(seen);
    EXPECT_EQ(one->end_of(posted), mailbox::RecordKind::end);
    one->side->free(posted);
    reads = false;
    posted = one->post("unread");
    run();
    EXPECT_FALSE(seen);
    EXPECT_EQ(one->end_of(posted), mailbox::RecordKind::end);
    one->side->free(posted);
    posted = one->post();
    run();
    EXPECT_EQ(seen, mailbox::RecordKind::end) << "nobody has to wait for the rest of the call";
}

TEST_F(MailboxesTest, ABodyThatWasReadStaysReadBehindTheAnswer) {
    const auto one = front();
    std::uint32_t posted = 0;
    app.action = [&](http::Exchange& exchange) {
        const auto read = [&] {
            const auto piece = exchange.body->read();
            return piece ? std::string(*piece) : "failed";
        };
        EXPECT_EQ(read(), "body");
        EXPECT_EQ(read(), "");
        TestApp::answer(exchange, "hello");
        EXPECT_EQ(one->end_of(posted), mailbox::RecordKind::end);
        one->side->free(posted);
        EXPECT_EQ(one->post("another client's body"), posted);
        EXPECT_EQ(read(), "");
        app.action = nullptr;
    };
    posted = one->post("body");
    run();
    EXPECT_EQ(one->end_of(posted), mailbox::RecordKind::end);
}

// While a call lasts, the rescue thread runs the loop, and a new front may come.
TEST_F(MailboxesTest, AFrontComesInTheMiddleOfACall) {
    const auto one = front();
    std::vector<std::unique_ptr<FakeFront>> others;
    app.action = [&](http::Exchange& exchange) {
        for (int i = 0; i < 8; ++i) others.push_back(front());
        TestApp::answer(exchange, "hello");
    };
    const std::uint32_t first = one->post();
    const std::uint32_t second = one->post();
    run();
    EXPECT_EQ(one->end_of(first), mailbox::RecordKind::end);
    EXPECT_EQ(one->end_of(second), mailbox::RecordKind::end);
    app.action = nullptr;
    const std::uint32_t third = others[0]->post();
    run();
    EXPECT_EQ(others[0]->end_of(third), mailbox::RecordKind::end);
}

TEST_F(MailboxesTest, AFrontThatPostsNoRequestIsLetGo) {
    const auto one = front();
    for (int i = 0; i < 2; ++i) {
        const std::uint32_t posted = one->post();
        if (i == 1) one->spy.head(posted)[offsetof(mailbox::RequestFrame, facts.https)] = 2;
        run();
    }
    EXPECT_EQ(app.calls, 1);
    EXPECT_TRUE(mailboxes->empty());
    turn();
    EXPECT_TRUE(one->is_let_go()) << "else it waits for an answer that never comes";
}

TEST_F(MailboxesTest, AFrontThatCountsWronglyIsLetGo) {
    const auto one = front();
    one->spy.front_line().tail.store(mailbox::kOrders + 1);
    run();
    EXPECT_TRUE(mailboxes->empty());
    turn();
    EXPECT_TRUE(one->is_let_go());
}

// An exchange that goes on, and what it was told.
struct GoingOn final : http::ExchangeEvents {
    void on_body() override { ++bodies; }
    void on_room() override { ++rooms; }
    void on_gone() override { ADD_FAILURE() << "its client is there"; }
    // Begins an answer, and writes until the front must take some of it.
    void begin(http::Exchange& exchange) {
        open = &exchange;
        exchange.events = this;
        http::ResponseHead head;
        ASSERT_TRUE(head.check());
        ASSERT_TRUE(exchange.response.start(head));
        while (!exchange.response.congested())
            ASSERT_TRUE(exchange.response.write(std::string(65536, 'x')));
    }
    http::Exchange* open = nullptr;
    int bodies = 0;
    int rooms = 0;
};

TEST_F(MailboxesTest, RoomIsNoBodyToOneThatGoesOn) {
    AsyncCores cores(app);
    context->cores = &cores;
    context->goes_on = true;
    app.ran = http::Ran::goes_on;
    GoingOn going;
    app.action = [&](http::Exchange& exchange) { going.begin(exchange); };
    const auto one = front();
    const std::uint32_t posted = one->post("begin", false);
    run();
    ASSERT_NE(going.open, nullptr);
    http::BodySource& body = *going.open->body;
    ASSERT_TRUE(body.ready());
    EXPECT_EQ(*body.read(), "begin");
    // Room comes first, and nobody has told of it yet.
    EXPECT_FALSE(one->end_of(posted));
    one->side->give_credit(posted);
    EXPECT_FALSE(body.ready()) << "read() would hold up the whole worker";
    ASSERT_FALSE(context->news.empty());
    RoutedExchange& exchange = context->news.front();
    static_cast<base::ListNode<NewsTag>&>(exchange).unlink();
    exchange.on_news();
    for (int looks = 0; looks < 10 && going.rooms == 0; ++looks) {
        EXPECT_FALSE(one->end_of(posted));
        one->side->give_credit(posted);
        exchange.on_news();
    }
    EXPECT_EQ(going.rooms, 1);
    EXPECT_EQ(going.bodies, 0);
    one->side->write_body(posted, "end");
    one->side->end_body(posted, mailbox::kBodyComplete);
    run();
    EXPECT_EQ(going.bodies, 1);
    ASSERT_TRUE(body.ready());
    EXPECT_EQ(*body.read(), "end");
    going.open->response.finish();
    going.open->owner->on_exchange_over();
    ASSERT_FALSE(context->over.empty());
    std::optional<mailbox::RecordKind> last;
    for (int looks = 0; looks < 10 && !last; ++looks) {
        run_over();
        last = one->end_of(posted);
        one->side->give_credit(posted);
        run();
    }
    run_over();
    EXPECT_EQ(last, mailbox::RecordKind::end);
    context->cores = &core;
}

}  // namespace
}  // namespace mew::worker
