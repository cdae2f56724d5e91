"""The 24 prompts of golden.py, written for it: kinds and lengths differ as much as real use does."""

ESSAY = """The bakery at the corner of the square opens long before the sun comes up. At four in the \
morning the lights behind the steamed windows are already on, and anyone who walks past on the way \
to the first train can smell the bread. Marta has run the place for nineteen years. She took it \
over from her uncle, who had taken it over from his mother, and she likes to say that the oven is \
the only member of the family that has never asked for a holiday.

The work begins with the dough that was set aside the evening before. It has been resting in the \
cold room for twelve hours, slowly, and that slowness is the whole secret. Fast bread is possible, \
Marta says, in the same way that a fast friendship is possible: it looks right for a day and then \
it crumbles. She weighs the flour without looking at the scale and is seldom wrong by more than a \
few grams. Her apprentice, Jonas, is wrong more often, but he writes everything down in a small \
blue notebook, and the notebook is getting better every week.

By half past five the first trays are out. There are round loaves with a dark crust, long ones for \
the restaurant across the river, and a basket of small rolls that the school collects at seven. \
The radio plays quietly. Nobody talks much, because everybody knows what has to be done next. When \
the delivery van arrives, the driver leaves the engine running, loads the boxes in the same order \
as always and takes one roll from the basket. Marta pretends not to see it. The roll is part of \
the price, and both of them know it.

The shop itself opens at six. The first customer is nearly always the night nurse from the \
hospital, who buys two croissants and eats one of them before she has reached the door. Then come \
the builders, the woman with the three dogs, and the retired teacher who wants to talk about the \
weather, the council and the state of the bridge. He has written eleven letters about the bridge. \
Two of them were answered. Marta listens with half an ear and hands him a loaf that she has kept \
back for him, because he likes the ones that are a little too dark for everybody else.

Last winter a large company wanted to buy the building. The offer was good, better than good, and \
for a month Marta carried the letter around in the pocket of her apron. She asked the accountant, \
her sister and finally the oven, as she puts it, sitting in front of it late one evening with a \
cup of tea. In the end she wrote back that she was grateful but that the place was already taken. \
The company sent a second letter. She used it to light the fire for the stone oven in the yard, \
which is lit only once a year, on the day of the summer festival.

What she wants now is simple. She would like Jonas to finish his notebook and then to stop needing \
it. She would like the bridge to be repaired, mostly so that the teacher can find another subject. \
And she would like to sleep until seven on one day in the week, perhaps on a Monday, with the \
window open and the smell of somebody else's bread coming in from the street. Until then the alarm \
rings at a quarter past three, the light goes on behind the windows, and the first batch goes into \
the oven while the square is still dark and the only sound is the fountain"""

CODE = '''def parse_line(line):
    """Split one line of the log into its time, level and message."""
    time, level, message = line.split(" ", 2)
    return {"time": time, "level": level.strip("[]"), "message": message}


def count_levels(lines):
    counts = {}
    for line in lines:
        level = parse_line(line)["level"]
        counts[level] ='''

GERMAN = """Sehr geehrte Frau Berger, vielen Dank für Ihre Nachricht vom Montag. Leider konnten wir \
die Lieferung nicht rechtzeitig abschicken, weil ein Teil der Ware erst am Donnerstag bei uns \
eintrifft. Wir bitten Sie, die Verzögerung zu entschuldigen, und schlagen Ihnen vor,"""


def words(count: int) -> str:
    """The first words of the essay, its line breaks kept."""
    return " ".join(ESSAY.split(" ")[:count])


def user(content: str) -> dict[str, str]:
    return {"role": "user", "content": content}


PROMPTS = [
    {"name": "one line break", "text": "\n"},
    {"name": "one word", "text": "The"},
    {"name": "two words", "text": "Thank you"},
    {"name": "start of a mail", "text": "Dear Anna,\n\nthank you for your"},
    {"name": "inside a word", "text": "I am looking forward to the meet"},
    {"name": "capital", "text": "The capital of France is"},
    {"name": "numbers", "text": "Order 4711 of 24.11.2026: 12 x 3.50 = 42.00, total 1,250.75"},
    {"name": "shopping list", "text": "Shopping list:\n- milk\n- bread\n- two lemons\n-"},
    {"name": "python", "text": CODE},
    {"name": "html", "text": '<ul class="menu">\n  <li><a href="/home">Home</a></li>\n  <li><a'},
    {"name": "json", "text": '{"name": "lamp", "price": 12.5, "tags": ["light", "home"], "size": {"w'},
    {"name": "white space", "text": "first    second\t\tthird\n\n\n    fourth  \n  "},
    {"name": "german mail", "text": GERMAN},
    {"name": "french", "text": "Le matin, elle ouvre la fenêtre et regarde les toits de la ville, où"},
    {"name": "chinese", "text": "今天天气很好，我们一起去公园"},
    {"name": "arabic", "text": "مرحبا، كيف حالك اليوم؟ أنا"},
    {"name": "emoji", "text": "Happy birthday! 🎉🎂 See you tonight 👩‍👩‍👧‍👦 and bring the dog 🐶, ok? 👍🏽"},
    {"name": "repetition", "text": "one two three one two three one two three one two"},
    {"name": "essay, 60 words", "text": words(60)},
    {"name": "essay, 130 words", "text": words(130)},
    {"name": "essay, whole", "text": ESSAY},
    {
        "name": "chat, long turn",
        "messages": [user("Summarise this text in one sentence.\n\n" + words(140))],
    },
    {
        "name": "chat, system",
        "messages": [
            {"role": "system", "content": "Answer in one short sentence."},
            user("Why do leaves turn yellow in autumn?"),
        ],
    },
    {
        "name": "chat, three turns",
        "messages": [
            user("Rewrite politely: send me the file now."),
            {"role": "assistant", "content": "Could you please send me the file?"},
            user("Now make it a little longer."),
        ],
    },
]
