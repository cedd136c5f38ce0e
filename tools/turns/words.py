"""Words and sentence patterns from which turns are drawn, those of training and those kept for evaluation apart.

A pattern is text with {slots}; "|" is a boundary of phrases, where a speaker may well pause.
"""
from __future__ import annotations

WORDS: dict[str, str] = {
    "name": "Anna|Peter|Maria|Tom|Julia|David|Sarah|Mike|Emma|Paul|Laura|Chris|Nina|Robert|Lucy|Daniel|Kate|Martin|Olga|Simon",
    "person": "my mother|my boss|the doctor|my brother|our neighbour|the teacher|my wife|my husband|the manager|a friend of mine|"
              "the plumber|my daughter|the dentist|my colleague|the landlord|my grandfather|the driver|the waiter",
    "place": "the station|the airport|the supermarket|the office|the hospital|the library|the museum|the hotel|the beach|the gym|"
             "the town hall|the bakery|the post office|the pharmacy|the garage|the park|the old bridge|the university",
    "room": "the kitchen|the bedroom|the living room|the bathroom|the hall|the cellar|the garden|the study|the nursery",
    "city": "London|Paris|Berlin|Madrid|Rome|Vienna|Boston|Chicago|Dublin|Lisbon|Oslo|Tokyo|Sydney|Toronto|Prague|Athens",
    "thing": "phone|car|bicycle|laptop|jacket|suitcase|umbrella|printer|camera|lamp|washing machine|table|guitar|coat|watch|"
             "keyboard|backpack|mirror|sofa|ticket|passport|wallet|radio|window|door",
    "food": "pizza|soup|salad|rice|pasta|chicken|fish|bread|cheese|apple pie|a sandwich|mushrooms|potatoes|noodles|an omelette",
    "grocery": "eggs|milk|butter|flour|sugar|tomatoes|onions|apples|bananas|coffee|tea|yoghurt|salt|honey|carrots|lemons|pepper|"
               "olive oil|toilet paper|soap|garlic|spinach|oats|beans",
    "drink": "a coffee|a glass of water|a cup of tea|an orange juice|a lemonade|a hot chocolate|a beer|a cappuccino",
    "day": "Monday|Tuesday|Wednesday|Thursday|Friday|Saturday|Sunday|tomorrow|the weekend|next week|the day after tomorrow",
    "time": "six o'clock|half past seven|noon|a quarter to nine|eight thirty|ten in the morning|five in the afternoon|midnight|three fifteen",
    "number": "two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|fifteen|twenty|thirty|forty two|a hundred and ten",
    "digit": "zero|one|two|three|four|five|six|seven|eight|nine",
    "adjective": "red|small|expensive|broken|new|old|quiet|beautiful|heavy|strange|cheap|modern|noisy|comfortable|dark|useful|blue|tiny",
    "feeling": "tired|happy|hungry|worried|surprised|busy|bored|excited|nervous|sick|angry|relieved",
    "activity": "swimming|cooking|reading|playing chess|hiking|painting|gardening|running|learning Spanish|watching films|dancing",
    "verb": "find|open|repair|clean|sell|move|paint|borrow|replace|check|return|charge|lock|carry",
    "past": "found|opened|repaired|cleaned|sold|moved|painted|borrowed|lost|broke|bought|forgot|returned|dropped",
    "weather": "rain|snow|be sunny|be windy|get cold|be foggy|freeze|clear up",
    "animal": "dog|cat|horse|rabbit|parrot|goldfish|hamster|donkey|turtle",
    "topic": "the French Revolution|black holes|the history of jazz|photosynthesis|electric cars|ancient Rome|the stock market|"
             "volcanoes|vitamins|the Olympic Games|chess openings|solar panels|renaissance art|the human heart",
    "event": "the meeting|the concert|the party|the exam|the wedding|the interview|the match|the lesson|the flight|the conference",
    "filler": "um|uh|er|well|you know|let me think|let me see|hmm|I mean|what was it|how do you say|like",
    "opener": "so|well|okay|actually|right|yeah|hey|listen|look|I think|you know what|by the way|oh|basically|um",
    "joint": "and|but|so|because|or|and then|if|when|which|that|although|until|with|for|to|the|a|my",
}

PATTERNS: list[str] = """
I'd like to book a table | for {number} people | on {day}.
Could you turn on the lights | in {room}?
I'm looking for a {adjective} {thing} | that doesn't cost too much.
What's the weather going to be like | in {city} | on {day}?
Can you remind me | to call {person} | at {time}?
Please set a timer | for {number} minutes.
I {past} my {thing} | when I was at {place}.
Do you know | how to get | from {place} to {place}?
My {thing} is broken | and I don't know | how to {verb} it.
We were going to {city} | but {person} got sick.
Is there a {adjective} restaurant | near {place}?
Tell me something | about {topic}.
I think {person} | has already {past} the {thing}.
If it's going to {weather} | on {day} | we should stay at home.
How long does it take | to drive to {city}?
Can I have {drink} | and {food}, please?
Yesterday | I went to {place} | with {name}.
The {adjective} {thing} | that I {past} | belongs to {person}.
When does the next train | to {city} leave?
I was wondering | whether you could {verb} my {thing}.
Send a message to {name} | and say | that I'll be late.
She told me | that {event} starts | at {time}.
I don't really like {activity} | because it makes me {feeling}.
Who won the match | between {city} and {city}?
It would be great | if you could help me | with {topic}.
My favourite hobby | is {activity}.
Would you rather go {activity} | or stay in {city}?
Before we leave | we have to {verb} the {thing}.
The {animal} is sleeping | under the {thing}.
Why is my {animal} always so {feeling}?
Can you explain {topic} | in simple words?
I need to be at {place} | by {time} | so please wake me up early.
How many {grocery} do I need | for {number} people?
There's a {adjective} {thing} | in {room}.
What happened | to the {thing} | in {room}?
{name} and {name} | are getting married | on {day}.
Add {grocery} | to my shopping list.
The problem is | that the {thing} | doesn't work anymore.
I have an appointment | with {person} | on {day} | at {time}.
Could you please tell me | where the {thing} is?
After {event} | we went to {place} | and had {food}.
Play some {adjective} music | in {room}.
Did you hear | what {name} said | about {event}?
I can't remember | where I {past} the {thing}.
Turn the volume down | to {number} percent.
What should I wear | to {event} | on {day}?
As far as I know | {person} lives | near {place}.
You have to {verb} the {thing} | before you {verb} it.
Let's meet | at {place} | around {time}.
I haven't eaten anything | since {time}.
Is it true | that {topic} | is getting more popular?
Call {name} | on the mobile phone.
My {thing} costs | about {number} hundred euros.
Are you sure | that {event} | is on {day}?
{person} asked me | whether I could {verb} the {thing}.
Translate this sentence | into Italian, please.
Read me the last message | from {name}.
The shop | next to {place} | sells {adjective} things.
Which one is bigger | {city} or {city}?
I want to cancel my order | from {day}.
What's {number} times {number}?
How do you spell {city}?
Where can I buy {grocery} | at this time of day?
It's the third time | this week | that the {thing} has stopped working.
Could we move {event} | from {day} | to {day}?
Thank you very much | for your help.
That sounds good to me.
No, I don't want that.
Yes, that's right.
I have no idea.
Can you say that again?
Never mind.
What do you mean by that?
I'd rather have the {adjective} one.
That's too expensive for me.
Just a moment, please.
Good morning.
Stop the music.
What time is it?
Where are you from?
{number}.
On {day}.
At {time}.
In {city}.
{name}.
Yes.
No.
Maybe later.
The {adjective} one.
{food}, please.
Nothing special.
I don't know.
Really?
Sure.
Okay, thanks.
Of course.
""".strip().splitlines()

LISTS: list[str] = """
I need {grocery}, | {grocery}, | and {grocery}.
We have to buy {grocery}, | {grocery}, | {grocery}, | and {grocery}.
Put {grocery}, | {grocery} | and {grocery} | on the list.
I've been to {city}, | {city}, | {city} | and {city}.
My number is {digit} {digit} {digit}, | {digit} {digit}, | {digit} {digit}.
The code is {digit} {digit} | {digit} {digit}.
Invite {name}, | {name}, | {name} | and {name}.
I'm free on {day}, | on {day} | and on {day}.
First we go to {place}, | then to {place}, | and then home.
There's {food}, | {food} | or {food}.
I speak English, | Spanish, | and a bit of German.
""".strip().splitlines()

HELD_WORDS: dict[str, str] = {
    "name": "Oliver|Sophie|George|Hannah|Victor|Alice|Henry|Clara",
    "person": "my sister|the nurse|the mechanic|my uncle|the new neighbour|the lawyer|my cousin|the gardener",
    "place": "the theatre|the harbour|the bus stop|the swimming pool|the car park|the church|the market|the stadium",
    "room": "the dining room|the attic|the corridor|the guest room|the balcony",
    "city": "Amsterdam|Glasgow|Warsaw|Seattle|Helsinki|Munich|Naples|Montreal",
    "thing": "fridge|tablet|scooter|helmet|blanket|piano|wardrobe|necklace|dishwasher|notebook|tent|ladder",
    "food": "pancakes|a burger|lasagne|sushi|a baked potato|curry|roast beef",
    "grocery": "cucumbers|cereal|raisins|vinegar|shampoo|strawberries|walnuts|cream|mustard|cabbage|peaches|jam",
    "drink": "a milkshake|a green tea|an espresso|a tomato juice|a cola",
    "day": "this evening|the first of May|Sunday morning|Thursday night|my birthday|Easter",
    "time": "seven twenty|twenty past four|one in the morning|a quarter past eleven|nine forty five",
    "number": "thirteen|fourteen|sixteen|seventeen|twenty five|fifty|sixty three|ninety",
    "digit": "zero|one|two|three|four|five|six|seven|eight|nine",
    "adjective": "green|wooden|famous|warm|narrow|delicious|empty|silver|spare|wonderful",
    "feeling": "lonely|proud|sleepy|confused|thirsty|cheerful|upset",
    "activity": "skiing|knitting|fishing|singing in a choir|playing tennis|baking|photography",
    "verb": "assemble|polish|rent|fold|unlock|measure|hide|fix",
    "past": "assembled|polished|rented|left|unlocked|measured|hid|fixed",
    "weather": "hail|be cloudy|thunder|be warm|drizzle",
    "animal": "kitten|pony|sheep|canary|lizard",
    "topic": "the Roman calendar|quantum computers|glaciers|the invention of the telephone|beekeeping|coral reefs|opera",
    "event": "the rehearsal|the birthday dinner|the job fair|the boat trip|the funeral|the opening night",
    "filler": "um|uh|er|hmm|let me think|you know|what's it called",
    "opener": "so|well|okay|actually|listen|um|I mean",
    "joint": "and|but|because|or|if|with|for|to|the|a|my|of|in",
}

HELD_PATTERNS: list[str] = """
Would it be possible | to change my seat | to one by the window?
I've been trying to {verb} this {thing} | since {day} | and it still doesn't work.
Somebody left a {adjective} {thing} | in {room}.
What would happen | if I put the {thing} | in the microwave?
My flight to {city} | was cancelled | so I need a hotel | near {place}.
Give me three ideas | for a present | for {person}.
How far is it | from {city} to {city}?
I'm afraid | I won't be able to come | to {event}.
{person} always says | that {activity} | is good for your health.
Show me all the photos | from {day}.
The last time | I was in {city} | I stayed at a {adjective} hotel.
Is the {thing} | next to the {thing} | yours?
What's the difference | between a {animal} | and a {animal}?
Do you think | it will {weather} | during {event}?
Please write an email | to {person} | about {event}.
I would love to learn more | about {topic}.
Could you speak a little louder | because I can't hear you?
Somehow | the {thing} | has disappeared from {room}.
I'd like to pay | with my credit card | if that's okay.
When you have time | please {verb} the {thing}.
How much does it cost | to rent a boat | for {number} days?
Wake me up | at {time} | on {day}.
Has anyone called | while I was at {place}?
{name} wants to know | whether you like {food}.
On the way to {place} | I met {person}.
Why do people in {city} | drink so much tea?
Should I take the bus | or is it faster to walk | to {place}?
I bought {food} | for {person} | but nobody was hungry.
Open the window | in {room} | and close the door.
The man | who lives above us | plays the piano | every night.
That was {adjective}.
I'll take {number} of them.
Who are you?
What's on television tonight?
Forget it.
Not today, thank you.
{city}.
Around {time}.
Yes, please.
My {thing}.
I'm not sure about that.
Turn it off.
""".strip().splitlines()

HELD_LISTS: list[str] = """
Please order {grocery}, | {grocery} | and {grocery}.
For the cake I need {grocery}, | {grocery}, | {grocery} | and {grocery}.
Our trip goes to {city}, | {city} | and {city}.
The number is {digit} {digit}, | {digit} {digit} {digit}, | {digit} {digit}.
We could invite {name}, | {name}, | {name} | or {name}.
""".strip().splitlines()
