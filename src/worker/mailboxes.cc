#include "worker/mailboxes.h"

#include <algorithm>

#include "log/log.h"

namespace mew::worker {

namespace {
// Of one channel in one turn of the loop.
constexpr int kTakenPerTurn = 64;
// An answer that took so long is told of at once, not with the next ones.
constexpr auto kTellAtOnce = std::chrono::microseconds(100);
}  // namespace

class Mailboxes::Attachment final : public net::EventHandler {
public:
    Attachment(Mailboxes& owner, mailbox::Channel channel, os::Fd socket, std::uint64_t number)
        : side(std::move(channel), std::move(socket)), number_(number), owner_(owner) {}
    ~Attachment() override { close(); }

    base::Result<void> watch() {
        auto added = owner_.context_.loop.add(side.socket(), EPOLLIN, *this);
        open_ = added.has_value();
        return added;
    }
    bool open() const { return open_; }
    void close() {
        if (!open_) return;
        owner_.context_.loop.remove(side.socket(), *this);
        open_ = false;
        side.close();
    }
    void on_event(std::uint32_t) override {
        if (!side.hear()) return owner_.drop(*this);
        for (std::uint32_t slot = 0; slot < going_on_.size(); ++slot) {
            if (going_on_[slot] != nullptr && going_on_[slot]->awaits_connection()) tell(slot);
        }
    }
    std::uint64_t number() const { return number_; }

    // --- exchanges that go on, by slot
    void add(RoutedExchange& exchange) {
        if (going_on_.size() <= exchange.slot()) going_on_.resize(exchange.slot() + 1);
        going_on_[exchange.slot()] = &exchange;
    }
    void remove(const RoutedExchange& exchange) {
        const std::uint32_t slot = exchange.slot();
        if (slot < going_on_.size() && going_on_[slot] == &exchange) going_on_[slot] = nullptr;
    }
    void tell(std::uint32_t slot) {
        if (slot < going_on_.size() && going_on_[slot] != nullptr) going_on_[slot]->on_news();
    }
    void tell_all() {
        for (std::uint32_t slot = 0; slot < going_on_.size(); ++slot) tell(slot);
    }

    mailbox::TakingSide side;

private:
    std::uint64_t number_;
    Mailboxes& owner_;
    bool open_ = false;
    std::vector<RoutedExchange*> going_on_;
};

Mailboxes::Mailboxes(Context& context) : context_(context) {}

Mailboxes::~Mailboxes() = default;

base::Result<void> Mailboxes::attach(const os::Fd& memory, os::Fd socket) {
    auto channel = mailbox::Channel::attach(memory.get());
    if (!channel) return std::move(channel).failure();
    auto attachment = std::make_unique<Attachment>(*this, *std::move(channel), std::move(socket),
                                                   next_channel_++);
    if (auto opened = attachment->watch(); !opened) return opened;
    if (left_) attachment->side.leave();
    attachments_.push_back(std::move(attachment));
    return {};
}

// Running exchanges keep their half of the channel. During an inline call this is the rescue
// thread, and run() is still in the middle of its list.
void Mailboxes::drop(Attachment& attachment) {
    attachment.close();
    attachment.tell_all();
    if (!running_) forget_gone();
}

void Mailboxes::forget_gone() {
    std::erase_if(attachments_, [this](std::unique_ptr<Attachment>& attachment) {
        if (attachment->open()) return false;
        context_.loop.defer_delete(std::move(attachment));
        return true;
    });
}

void Mailboxes::run() {
    running_ = true;
    // During a call more of them may come.
    for (std::size_t i = 0; i < attachments_.size(); ++i) {
        Attachment& attachment = *attachments_[i];
        attachment.side.take_woken([&](std::uint32_t slot) { attachment.tell(slot); });
        for (int count = 0; count < kTakenPerTurn && !context_.busy(); ++count) {
            auto taken = attachment.side.take();
            if (!taken) break;
            run_one(attachment, *std::move(taken));
        }
        attachment.side.ring();
        if (attachment.side.closed() && attachment.open()) drop(attachment);
    }
    running_ = false;
    forget_gone();
}

void Mailboxes::run_one(Attachment& attachment, mailbox::Taken taken) {
    std::unique_ptr<RoutedExchange> exchange;
    if (spare_.empty()) {
        exchange = std::make_unique<RoutedExchange>(context_);
        exchange->done = {
            [](void* self, RoutedExchange& done) { static_cast<Mailboxes*>(self)->on_done(done); },
            this};
    } else {
        exchange = std::move(spare_.back());
        spare_.pop_back();
    }
    RoutedExchange& running = *exchange.release();  // given back when it is done
    if (!running.open(std::move(taken), attachment.number())) {
        log::error("mailbox-broken", "a front posted what is no request; its channel is closed");
        spare_.emplace_back(&running);
        return attachment.close();
    }
    const base::MonotonicTime begun = context_.loop.now();
    running.begin();
    if (!context_.cores->run(running)) {  // on_done() follows
        if (!running.goes_on()) return;
        attachment.add(running);
        return running.on_news();
    }
    give_back(running);
    if (context_.loop.now() - begun >= kTellAtOnce) attachment.side.ring();
}

void Mailboxes::on_done(RoutedExchange& exchange) {
    if (exchange.goes_on()) {
        if (!exchange.close()) return;
        for (const auto& attachment : attachments_) attachment->remove(exchange);
    }
    give_back(exchange);
}

void Mailboxes::give_back(RoutedExchange& exchange) {
    exchange.end();
    spare_.emplace_back(&exchange);
}

bool Mailboxes::prepare_sleep() {
    // With all cores busy a request is nothing to wake up for: the end of a call does that.
    const bool takes = !context_.busy();
    if (!takes && !context_.goes_on) return true;
    bool sleeps = true;
    for (const auto& attachment : attachments_)
        sleeps = attachment->side.prepare_sleep(takes) && sleeps;
    if (!sleeps) awake();
    return sleeps;
}

void Mailboxes::awake() {
    for (const auto& attachment : attachments_) attachment->side.awake();
}

void Mailboxes::leave() {
    left_ = true;
    for (const auto& attachment : attachments_) attachment->side.leave();
}

}  // namespace mew::worker
