"""Who a cat is: everything that is decided before the first line is drawn."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from catserve.coats import BLUE, COATS, GOLD, NAMES, Coat, Pattern
from catserve.dice import Dice


class Pose(Enum):
    sitting = "sitting"
    loafing = "loafing"
    curled = "curled up"
    boxed = "in a box"


class Mood(Enum):
    bright = "wide awake"
    calm = "content"
    smug = "unimpressed"
    happy = "delighted"
    winking = "winking"
    asleep = "fast asleep"


class Ears(Enum):
    pointed = "pointed"
    tall = "tall"
    round = "round"
    folded = "folded"


class Wear(Enum):
    nothing = ""
    bow_tie = "a bow tie"
    scarf = "a scarf"
    bell = "a collar with a bell"
    bandana = "a bandana"
    glasses = "glasses"
    flower = "a flower"
    party_hat = "a party hat"
    beanie = "a beanie"


class Scene(Enum):
    sunrise = "sunrise"
    night = "night"
    window = "window"
    dots = "dots"
    hills = "hills"
    plants = "plants"
    books = "books"
    stripes = "stripes"


@dataclass(frozen=True)
class Cat:
    seed: str
    name: str
    coat: Coat
    pose: Pose
    mood: Mood
    ears: Ears
    long_hair: bool
    white_parts: bool  # muzzle, chest and socks of a coat that is not white
    eyes: tuple[str, str]  # as we see them: left, right
    pupil: float  # 0 (slit) to 1 (round)
    gaze: float  # -1 left to 1 right
    head_tilt: float  # degrees
    head_width: float  # half of it
    whisker_lift: float
    tongue: bool
    wear: Wear
    wear_colour: str
    scene: Scene

    @property
    def white(self) -> str:
        return "#fdfaf4"

    @property
    def title(self) -> str:
        """One sentence, also for those who cannot see the picture."""
        hair = "long-haired " if self.long_hair else ""
        eyes = " with odd eyes" if self.eyes[0] != self.eyes[1] and self.shows_eyes else ""
        wears = f", wearing {self.wear.value}" if self.wear is not Wear.nothing else ""
        return f"{self.name}, a {hair}{self.coat.kind} cat{eyes}, {self.doing}{wears}"

    @property
    def doing(self) -> str:
        if self.pose is Pose.curled:
            return "curled up and fast asleep"
        return f"{self.pose.value} and {self.mood.value}"

    @property
    def shows_eyes(self) -> bool:
        return self.mood not in (Mood.happy, Mood.asleep)


WEAR_COLOURS = ("#d64550", "#2f7f93", "#e0a526", "#6a5acd", "#3f8f5b", "#e06c9f", "#37517e")

POSES = ((Pose.sitting, 4.0), (Pose.loafing, 2.6), (Pose.curled, 1.8), (Pose.boxed, 1.8))
MOODS = (
    (Mood.bright, 4.0),
    (Mood.calm, 2.2),
    (Mood.smug, 1.6),
    (Mood.happy, 1.4),
    (Mood.winking, 0.9),
)
WEARS = (
    (Wear.nothing, 5.0),
    (Wear.bow_tie, 1.5),
    (Wear.scarf, 1.5),
    (Wear.bell, 1.8),
    (Wear.bandana, 1.0),
    (Wear.glasses, 1.0),
    (Wear.flower, 1.0),
    (Wear.party_hat, 0.7),
    (Wear.beanie, 0.8),
)


def decide_ears(dice: Dice, coat: Coat) -> Ears:
    if coat.hairless:
        return Ears.tall
    choices = [(Ears.pointed, 5.0), (Ears.round, 2.0)]
    if coat.pattern is Pattern.points:
        choices.append((Ears.tall, 4.0))
    else:
        choices += [(Ears.tall, 0.8), (Ears.folded, 0.9)]
    return dice.weighted(choices)


def decide_eyes(dice: Dice, coat: Coat) -> tuple[str, str]:
    first = dice.pick(coat.eyes)
    odd = 0.4 if coat.kind in ("white", "Turkish van") else 0.04
    if coat.pattern is Pattern.points or not dice.chance(odd):
        return first, first
    pair = (BLUE, GOLD if first == BLUE else first)
    return pair if dice.chance(0.5) else (pair[1], pair[0])


def cat_of(seed: str) -> Cat:
    """The cat that `seed` stands for: the same one every time."""
    dice = Dice(seed)
    coat = dice.weighted([(coat, coat.weight) for coat in COATS])
    pose = dice.weighted(POSES)
    mood = Mood.asleep if pose is Pose.curled else dice.weighted(MOODS)
    if pose is Pose.loafing and dice.chance(0.2):
        mood = Mood.asleep
    ears = decide_ears(dice, coat)
    wear = dice.weighted(WEARS)
    if ears is Ears.folded and wear is Wear.beanie:
        wear = Wear.bow_tie
    if pose is Pose.curled and wear in (Wear.bow_tie, Wear.scarf, Wear.bandana, Wear.bell):
        wear = Wear.nothing  # one lies on it
    return Cat(
        seed=seed,
        name=dice.pick(NAMES),
        coat=coat,
        pose=pose,
        mood=mood,
        ears=ears,
        long_hair=not coat.hairless and ears is not Ears.tall and dice.chance(0.3),
        white_parts=dice.chance(coat.white),
        eyes=decide_eyes(dice, coat),
        pupil=dice.between(0.15, 1.0),
        gaze=dice.pick((-1.0, -0.5, 0.0, 0.0, 0.0, 0.5, 1.0)),
        head_tilt=dice.pick((-9.0, -5.0, 0.0, 0.0, 0.0, 5.0, 9.0)),
        head_width=dice.between(84, 95) - (5 if coat.hairless else 0),
        whisker_lift=dice.between(-6, 10),
        tongue=dice.chance(0.14),
        wear=wear,
        wear_colour=dice.pick(WEAR_COLOURS),
        scene=dice.pick(tuple(Scene)),
    )
