"""Writes small question sets in the original record format of seven benchmarks. All sentences are our own.

Each set has 60 records to score and 16 to show as examples. Some records bend on purpose what a reader must handle: accents
and emoji (characters are not bytes, nor UTF-16 units), bracketed tags and double spaces (HellaSwag), capitals in the middle of
a sentence, three and five choices and numeric labels (ARC), a leading space in an answer key (OpenBookQA), and passages longer
than the context of the model (BoolQ).

python make_items.py
"""

import json
import random
from pathlib import Path

FOLDER = Path(__file__).resolve().parent / "items"
SCORED, SHOWN = 60, 16

PEOPLE = ["Anna", "Ben", "Clara", "David", "Zoë", "Felix", "Grace", "Hugo", "Iris", "Jonas", "Kim", "Léa", "Marek", "Nora"]
ANIMALS = {  # animal: (food, home, covering)
    "cow": ("grass", "a barn", "hair"), "bear": ("berries and fish", "a den", "thick fur"),
    "owl": ("mice", "a hollow tree", "feathers"), "frog": ("flies", "a pond", "wet skin"),
    "bee": ("nectar", "a hive", "short hairs"), "squirrel": ("nuts", "a nest of leaves", "soft fur"),
    "seal": ("fish", "the cold sea", "smooth fur"), "snail": ("leaves", "its shell", "a shell"),
    "camel": ("dry plants", "the desert", "sandy hair"), "hen": ("grain", "a coop", "feathers"),
}
TOOLS = {  # job: (tool, why the others fail is left to the reader)
    "cut a thick rope": "a sharp knife", "dig a deep hole": "a strong shovel", "hang a picture": "a hammer and a nail",
    "sweep the kitchen floor": "a broom", "see a star": "a telescope", "carry water": "a bucket",
    "measure a table": "a tape measure", "light a dark room": "a lamp", "open a tin of beans": "a tin opener",
    "dry wet hair": "a warm towel", "join two boards": "wood glue", "find north": "a compass",
}
PLACES = ["the park", "the old mill", "the market", "the café", "the harbour", "the school", "the library", "the station"]
THINGS = ["red kite", "blue cup", "wooden box", "green scarf", "silver ring", "paper boat", "yellow ball", "glass jar"]
WEATHER = {"ice": "melts", "wet sand": "dries", "a puddle": "slowly disappears", "butter": "becomes soft", "chocolate": "melts"}


def pick(rng, options, right, count):
    """A shuffled list of `count` different choices with the right one among them, and its index."""
    wrong = rng.sample([o for o in options if o != right], count - 1)
    choices = wrong + [right]
    rng.shuffle(choices)
    return choices, choices.index(right)


def an(noun):
    return "an" if noun[0] in "aeiou" else "a"


def openbookqa(rng, n):
    animal = rng.choice(list(ANIMALS))
    kind = rng.randrange(3)
    stem = (f"A hungry {animal} would most likely eat", f"{an(animal).capitalize()} {animal} usually sleeps in",
            f"The body of a {animal} is covered with")[kind]
    options = sorted({facts[kind] for facts in ANIMALS.values()})
    choices, gold = pick(rng, options, ANIMALS[animal][kind], 4)
    if n % 11 == 5:
        choices[(gold + 1) % 4] += " 🎈"
    key = "ABCD"[gold]
    return {"id": f"o-{n}", "question_stem": stem, "choices": {"text": choices, "label": list("ABCD")},
            "answerKey": " " + key if n % 13 == 4 else key}


def winogrande(rng, n):
    first, second = rng.sample(PEOPLE, 2)
    thing, place = rng.choice(THINGS), rng.choice(PLACES)
    sentence, answer = rng.choice([
        (f"{first} gave {second} the {thing} because _ did not need it any more.", 1),
        (f"{first} thanked {second} at {place} because _ had found the {thing}.", 2),
        (f"{first} asked {second} the way to {place}, since _ was lost.", 1),
        (f"{first} carried the {thing} for {second}, as _ had hurt an arm.", 2),
        (f"{first} could not hear {second} in {place} because _ spoke too softly.", 2),
    ])
    options = [first, second]
    if rng.random() < 0.5:
        options, answer = options[::-1], 3 - answer
    return {"sentence": sentence, "option1": options[0], "option2": options[1], "answer": str(answer)}


def piqa(rng, n):
    job = rng.choice(list(TOOLS))
    tools = sorted(set(TOOLS.values()))
    wrong = rng.choice([t for t in tools if t != TOOLS[job]])
    manner = rng.choice(["and take your time", "while a friend helps", "and keep your fingers safe", "— slowly and with care"])
    sols = [f"Use {TOOLS[job]} {manner}.", f"Use {wrong} {manner}."]
    label = rng.randrange(2)
    if label:
        sols.reverse()
    goal = rng.choice([f"To {job},", f"How do you {job}?", f"You want to {job} in {rng.choice(PLACES)}."])
    return {"goal": goal, "sol1": sols[0], "sol2": sols[1], "label": label}


def hellaswag(rng, n):
    who, thing, place = rng.choice(PEOPLE), rng.choice(THINGS), rng.choice(PLACES)
    job = rng.choice(list(TOOLS))
    label, ctx_a, ctx_b, good = rng.choice([
        (f"How to {job}", f"[header] How to {job} [title] Get ready. [step] Find {TOOLS[job]} first.", "then you", "begin the work and look at it often."),
        ("Flying a kite", f"{who} runs across {place} with a {thing}.  The wind is strong.", f"{who} and a friend", "hold the string and look up at the sky."),
        ("Baking bread", f"{who} mixes flour and water in a bowl.", "the dough", "is put into the hot oven [substeps] and comes out brown."),
        ("Washing a dog", f"A dog stands in a tub near {place}.", "the OLD dog", "shakes itself, and water flies everywhere."),
        ("Making a present", f"{who} wraps a {thing} in paper and ties a ribbon.", "", "writes a name on a small card."),
    ])
    others = ["sings to the moon until the table walks away.", "eats the wall [title] and then the door.",
              "is  painted green by a very small cloud.", "counts to ten and forgets the number ten.",
              "puts the river into a naïve little bag.", "sleeps under the sea with a loud radio 📻."]
    endings, gold = pick(rng, others + [good], good, 4)
    return {"ind": n, "activity_label": label, "ctx_a": ctx_a, "ctx_b": ctx_b, "ctx": (ctx_a + " " + ctx_b).strip(),
            "endings": endings, "source_id": f"own~{n}", "split": "val", "split_type": "indomain", "label": str(gold)}


def boolq(rng, n):
    lines, asked = [], []
    for animal in rng.sample(list(ANIMALS), 2 if n % 9 else 10):
        food, home, skin = ANIMALS[animal]
        lines.append(f"The {animal} lives in {home}, and its body is covered with {skin}.")
        lines.append(f"It likes to eat {food}" + rng.choice([".", ", mostly in the early morning.", " when it can find them."]))
        asked.append((animal, food))
    animal, food = rng.choice(asked)
    label = rng.randrange(2)
    if not label:
        food = rng.choice([facts[0] for facts in ANIMALS.values() if facts[0] != food])
    return {"question": f"does {an(animal)} {animal} like to eat {food}", "passage": " ".join(lines), "idx": n, "label": label}


def arc(rng, n, easy):
    if easy:
        job = rng.choice(list(TOOLS))
        question, right = f"Which of these would help {rng.choice(PEOPLE)} to {job}?", TOOLS[job]
        options = sorted(set(TOOLS.values()))
    else:
        what = rng.choice(list(WEATHER))
        hours = rng.randrange(2, 9)
        question = f"{rng.choice(PEOPLE)} leaves {what} in the warm sun for {hours} hours. What will most likely happen to it?"
        right = f"It {WEATHER[what]} because of the heat."
        options = ["It becomes colder than before.", "It turns into a living plant.", "It grows twice as heavy.",
                   "It starts to make its own light.", "It changes into clean gold.", right]
    count = {3: 3, 8: 5}.get(n % 10, 4)
    choices, gold = pick(rng, options, right, count)
    labels = list("12345" if n % 7 == 2 else "ABCDE")[:count]
    return {"id": f"{'e' if easy else 'c'}-{n}", "question": question, "choices": {"text": choices, "label": labels},
            "answerKey": labels[gold]}


TASKS = {  # task: (maker, split that is scored)
    "openbookqa": (openbookqa, "test"), "winogrande": (winogrande, "validation"), "piqa": (piqa, "validation"),
    "hellaswag": (hellaswag, "validation"), "boolq": (boolq, "validation"),
    "arc_easy": (lambda rng, n: arc(rng, n, True), "test"), "arc_challenge": (lambda rng, n: arc(rng, n, False), "test"),
}


def main():
    FOLDER.mkdir(exist_ok=True)
    for k, (task, (maker, scored)) in enumerate(TASKS.items()):
        rng, seen, records = random.Random(4000 + k), set(), []
        while len(records) < SCORED + SHOWN:
            record = maker(rng, len(records))
            content = json.dumps({k: v for k, v in record.items() if k not in ("id", "ind", "idx", "source_id")})
            if content not in seen:
                seen.add(content)
                records.append(record)
        for split, part in (("train", records[SCORED:]), (scored, records[:SCORED])):
            text = "".join(json.dumps(r, ensure_ascii=False) + "\n" for r in part)
            (FOLDER / f"{task}.{split}.jsonl").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
