#include "master/reload.h"

#include "master/restart_options.h"
#include "master/transition.h"

namespace mew::master {
namespace {

using Phase = ReloadPhase;

constexpr const char* kStopping = "the server is stopping; nothing was reloaded\n";

constexpr Step<Phase> kSteps[] = {
    {Phase::idle, Phase::waiting},      {Phase::idle, Phase::checking},
    {Phase::waiting, Phase::checking},  {Phase::checking, Phase::preparing},
    {Phase::checking, Phase::idle},     {Phase::preparing, Phase::idle},
    {Phase::idle, Phase::closed},       {Phase::waiting, Phase::closed},
    {Phase::checking, Phase::closed},   {Phase::preparing, Phase::closed},
    {Phase::checking, Phase::changing}, {Phase::changing, Phase::idle},
    {Phase::changing, Phase::closed},
};

std::string joined(const std::vector<std::string>& names) {
    std::string text;
    for (const std::string& name : names) text += (text.empty() ? "" : ", ") + name;
    return text;
}

}  // namespace

std::string_view name_of(ReloadPhase phase) {
    constexpr std::string_view kNames[] = {"idle",     "waiting",   "checking",
                                           "changing", "preparing", "closed"};
    return kNames[static_cast<std::size_t>(phase)];
}

Reload::Reload(Holdings& holdings, Prepare prepare, Obstacle obstacle, Change change)
    : holdings_(holdings),
      prepare_(std::move(prepare)),
      obstacle_(std::move(obstacle)),
      change_(std::move(change)),
      reader_(holdings.loop, holdings.children, holdings.program) {}

bool Reload::step(ReloadPhase next) { return take_step(phase_, next, kSteps, "reload"); }

void Reload::request(const std::string& asked_by, Answer answer, Wish wish, bool upgrade) {
    const char* const what = upgrade ? "upgrade" : "reload";
    if (phase_ == Phase::closed) {
        if (answer) answer(kExitError, kStopping);
        return;
    }
    if (phase_ == Phase::waiting) {
        // It has not read anything yet: this is the same reload.
        log::info("reload-queued", "{} asked by {}: joins the one that waits", what, asked_by);
        upgrade_ = upgrade_ || upgrade;
        if (answer) waiting_.push_back(std::move(answer));
        return;
    }
    if (phase_ != Phase::idle) {
        log::info("reload-queued", "{} asked by {}: follows the one that is under way", what,
                  asked_by);
        again_ = true;
        next_upgrade_ = next_upgrade_ || upgrade;
        next_wish_ = wish;
        if (answer) waiting_for_next_.push_back(std::move(answer));
        return;
    }
    log::info("reload-begins", "{} asked by {}: reading the configuration", what, asked_by);
    upgrade_ = upgrade;
    if (answer) waiting_.push_back(std::move(answer));
    wish_ = wish;
    begin();
}

// The one before was asked for this by all who wait, however far it came with each.
void Reload::take_over(std::vector<Answer> waiting, const state::Whole& from) {
    waiting_ = std::move(waiting);
    if (!from.reload_wish.empty()) wish_ = parse_strategy(from.reload_wish);
    begin();
}

void Reload::to_state(state::Whole& into) const {
    const Wish& newest = next_wish_ ? next_wish_ : wish_;
    if (newest) into.reload_wish = name_of(*newest);
}

void Reload::begin() {
    if (const std::string obstacle = obstacle_(); !obstacle.empty()) {
        if (phase_ != Phase::idle) return;
        log::info("reload-waits", "the reload waits: {}", obstacle);
        step(Phase::waiting);
        return;
    }
    step(Phase::checking);
    auto started =
        reader_.start([this](base::Result<Checked> checked) { on_checked(std::move(checked)); });
    if (!started) on_rolled_back(started.error().text);
}

void Reload::on_checked(base::Result<Checked> checked) {
    if (!checked) return on_rolled_back(checked.error().text);
    if (checked->other_build && !holdings_.upgraded_from.empty())
        return on_rolled_back("the installed mewsgi changed once more meanwhile; try again");
    if (upgrade_ || checked->other_build) return change_over();
    options::Loaded& loaded = checked->loaded;
    for (const options::Mistake& warning : loaded.warnings)
        log::warning("option", "{}: {}", warning.origin, warning.text);
    const auto kept = keep_restart_options(holdings_.started_with.options, loaded.options);
    if (!kept.empty())
        log::warning("needs-restart",
                     "changed, but only a restart takes it up; the old value stays: {}",
                     joined(kept));
    step(Phase::preparing);
    if (auto prepared = prepare_(std::move(loaded), wish_); !prepared)
        on_rolled_back(prepared.error().text);
}

void Reload::on_committed(const std::string& text) {
    if (phase_ != Phase::preparing) return;
    finish(kExitDone, text);
}

void Reload::on_failed(const std::string& told, const std::string& why) {
    if (phase_ != Phase::checking && phase_ != Phase::preparing && phase_ != Phase::changing)
        return;
    std::string text = told + ":\n" + why;
    if (const std::string from = std::exchange(holdings_.upgraded_from, ""); !from.empty())
        text = "the master was upgraded from " + from + " to " + holdings_.program.version + "; " +
               text;
    log::error("reload-failed", "{}", text);
    finish(kExitError, text + "\n");
}

void Reload::change_over() {
    step(Phase::changing);
    change_([this](const std::string& why) { on_rolled_back(why); });
}

void Reload::on_rolled_back(const std::string& why) {
    on_failed(upgrade_ || phase_ == Phase::changing
                  ? "not upgraded, the running build and code stay"
                  : "reload rolled back, the running code stays",
              why);
}

void Reload::go_on() {
    if (phase_ == Phase::waiting) begin();
}

void Reload::finish(int status, const std::string& text) {
    step(Phase::idle);
    upgrade_ = false;
    for (const Answer& answer : std::exchange(waiting_, {})) answer(status, text);
    if (!std::exchange(again_, false)) return;
    waiting_ = std::exchange(waiting_for_next_, {});
    wish_ = std::exchange(next_wish_, std::nullopt);
    upgrade_ = std::exchange(next_upgrade_, false);
    // From the loop, not from inside the event that ended this one.
    holdings_.loop.start_timer(base::Milliseconds{0}, [this] {
        if (phase_ == Phase::idle) begin();
    });
}

void Reload::abandon() {
    reader_.cancel();
    again_ = false;
    if (phase_ != Phase::closed) step(Phase::closed);
    for (auto* list : {&waiting_, &waiting_for_next_}) {
        for (const Answer& answer : std::exchange(*list, {})) answer(kExitError, kStopping);
    }
}

}  // namespace mew::master
