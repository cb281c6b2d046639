import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { ContextItem, ModelRequest, ModelTool } from '../../src/session/ports/language-model.ts';
import { assistant, type Call, callsOf, eventsOf, reply, requestOf, textOf, user } from './drive.ts';

const string = { type: 'string' };
const object = (properties: object, required: string[] = []) => ({ type: 'object', properties, required });
const tool = (name: string, description: string, parameters: unknown): ModelTool => ({ name, description, parameters });

const weather = tool(
  'get_weather',
  'Get the current weather for a location',
  object({ location: string, unit: { enum: ['celsius', 'fahrenheit'] } }, ['location']),
);
const tools: ModelTool[] = [
  weather,
  tool('get_time', 'Get the time in a city', object({ city: string }, ['city'])),
  tool(
    'set_light',
    'Switch the lights in a room on or off',
    object(
      { room: string, state: { enum: ['on', 'off'] }, brightness: { type: 'integer', minimum: 0, maximum: 100 } },
      ['room', 'state'],
    ),
  ),
  tool(
    'bookFlight',
    'Book a flight',
    object(
      {
        origin: string,
        destination: string,
        date: { type: 'string', format: 'date' },
        passengers: { type: 'integer' },
      },
      ['origin', 'destination', 'date'],
    ),
  ),
  tool(
    'send_message',
    'Send a message to a contact',
    object({ recipient: string, message: string }, ['recipient', 'message']),
  ),
  tool('create_reminder', 'Create a reminder', object({ text: string, time: string }, ['text'])),
  tool(
    'order_pizza',
    'Order pizza',
    object(
      {
        quantity: { type: 'integer', maximum: 10 },
        toppings: { type: 'array', items: { enum: ['ham', 'mushrooms', 'cheese'] } },
        delivery: { type: 'boolean' },
      },
      ['quantity', 'toppings', 'delivery'],
    ),
  ),
  tool('lookup_order', 'Look up the status of an order', object({ order_id: string }, ['order_id'])),
  tool('web_search', 'Search the web', object({ query: string, max_results: { type: 'integer' } }, ['query'])),
  tool('add_items', 'Add items to the shopping list', object({ items: { type: 'array', items: string } }, ['items'])),
  tool('set_timer', 'Start a timer', object({ minutes: { type: 'number' }, label: string }, ['minutes'])),
  tool(
    'generate_horoscope',
    "Give today's horoscope for an astrological sign.",
    object({ sign: { type: 'string', enum: ['Aries', 'Taurus', 'Aquarius'] } }, ['sign']),
  ),
];

const calls = async (said: string | readonly ContextItem[], changes: Partial<ModelRequest> = {}): Promise<Call[]> =>
  callsOf(await eventsOf(requestOf(typeof said === 'string' ? [user(said)] : said, { tools, ...changes })));

describe('calls the tool that a request needs', () => {
  const rows: readonly (readonly [said: string, name: string, filled: object])[] = [
    ["What's the weather in Paris?", 'get_weather', { location: 'Paris' }],
    ['what is the weather like in New York in celsius', 'get_weather', { location: 'New York', unit: 'celsius' }],
    ['Paris weather please', 'get_weather', { location: 'Paris' }],
    ['How is the weather in Paris today?', 'get_weather', { location: 'Paris' }],
    ['What time is it in Tokyo?', 'get_time', { city: 'Tokyo' }],
    ['Turn on the lights in the kitchen', 'set_light', { room: 'kitchen', state: 'on' }],
    ['switch the kitchen lights off', 'set_light', { room: 'kitchen', state: 'off' }],
    ['Dim the lights in the bedroom, brightness 300', 'set_light', { room: 'bedroom', state: 'on', brightness: 100 }],
    [
      'Book a flight from Paris to New York for tomorrow',
      'bookFlight',
      { origin: 'Paris', destination: 'New York', date: 'tomorrow' },
    ],
    [
      "I'd like to book a flight to Rome from Berlin on Friday for three passengers",
      'bookFlight',
      { origin: 'Berlin', destination: 'Rome', date: 'Friday', passengers: 3 },
    ],
    [
      "Send a message to Ada Lovelace saying I'll be late, sorry",
      'send_message',
      { recipient: 'Ada Lovelace', message: "I'll be late, sorry" },
    ],
    ['Send Bob a message: "see you"', 'send_message', { recipient: 'Bob', message: 'see you' }],
    ['create a reminder to buy milk', 'create_reminder', { text: 'buy milk' }],
    [
      'Order two pizzas with ham and mushrooms',
      'order_pizza',
      { quantity: 2, toppings: ['ham', 'mushrooms'], delivery: true },
    ],
    ['where is order 12345?', 'lookup_order', { order_id: '12345' }],
    ['search the web for cheap flights to Rome', 'web_search', { query: 'cheap flights to Rome' }],
    ['Add milk, eggs and bread to the shopping list', 'add_items', { items: ['milk', 'eggs', 'bread'] }],
    ['Set a timer for twenty five minutes', 'set_timer', { minutes: 25 }],
    ['What is my horoscope? I am an aquarius.', 'generate_horoscope', { sign: 'Aquarius' }],
  ];
  for (const [said, name, filled] of rows) {
    it(said, async () => assert.deepEqual(await calls(said), [{ name, arguments: filled }]));
  }

  it('makes two calls in parallel, unless parallel calls are off', async () => {
    const said = 'the weather in Paris and the time in Tokyo';
    assert.deepEqual(await calls(said), [
      { name: 'get_weather', arguments: { location: 'Paris' } },
      { name: 'get_time', arguments: { city: 'Tokyo' } },
    ]);
    assert.equal((await calls(said, { parallelToolCalls: false })).length, 1);
  });
});

describe('understands phrasal verbs, short descriptions and compound names', () => {
  const few: ModelTool[] = [
    tool('end_call', 'Hang up', object({})),
    tool('lookup', '', object({ customer_id: string }, ['customer_id'])),
    tool('log_out', 'End the session of the user', object({})),
    tool('forecast', 'Weather', object({})),
    tool('power', 'Turn on the lights', object({})),
  ];
  for (const [said, name, filled] of [
    ['Please hang up', 'end_call', {}],
    ['Okay, I have to hang up now.', 'end_call', {}],
    ['look up customer 42', 'lookup', { customer_id: '42' }],
    ['Can you look up customer number 42?', 'lookup', { customer_id: '42' }],
    ['log me out, logout', 'log_out', {}],
    ["How's the weather?", 'forecast', {}],
    ['Turn on the lights', 'power', {}],
  ] as const) {
    it(said, async () => assert.deepEqual(await calls(said, { tools: few }), [{ name, arguments: filled }]));
  }
  for (const said of [
    'Hello',
    'Hang in there!',
    'I am up.',
    "What's up?",
    'I like this weather',
    'Look at me',
    'Turn on the radio',
    'Good',
    'Goodbye',
  ]) {
    it(`not in ${said}`, async () => assert.deepEqual(await calls(said, { tools: few }), []));
  }
});

describe('asks for a missing value', () => {
  const rows: readonly (readonly [said: readonly string[], name: string, filled: object])[] = [
    [['What is the weather?', 'Which location?', 'Paris.'], 'get_weather', { location: 'Paris' }],
    [
      ["What's the weather like today?", 'Which location?', 'In New York, please.'],
      'get_weather',
      { location: 'New York' },
    ],
    [['And the weather tomorrow?', 'Which location?', "I'm in the Hague"], 'get_weather', { location: 'the Hague' }],
    [['Set a timer', 'How many minutes?', 'Twenty five, please.'], 'set_timer', { minutes: 25 }],
    [['Set a timer', 'How many minutes?', 'Soon', 'How many minutes?', 'A dozen'], 'set_timer', { minutes: 12 }],
    [['Look up an order', 'Which order?', "It's 12345"], 'lookup_order', { order_id: '12345' }],
    [
      ['Book a flight', 'Which origin?', 'Paris', 'Which destination?', 'To Rome', 'Which date?', 'tomorrow'],
      'bookFlight',
      { origin: 'Paris', destination: 'Rome', date: 'tomorrow' },
    ],
    [
      ['Send a message to Bob', 'Which message?', 'See you at nine, at the station'],
      'send_message',
      { recipient: 'Bob', message: 'See you at nine, at the station' },
    ],
    [['Search the web', 'Which query?', 'cheap hotels in Rome'], 'web_search', { query: 'cheap hotels in Rome' }],
    [['What is the weather?', 'Which location?', 'The time in Tokyo'], 'get_time', { city: 'Tokyo' }],
  ];
  for (const [said, name, filled] of rows) {
    it(said.join(' / '), async () => {
      const items: ContextItem[] = [];
      for (const [turn, text] of said.entries()) {
        if (turn % 2) assert.equal(await reply(items, { tools }), text);
        items.push(turn % 2 ? assistant(text) : user(text));
      }
      assert.deepEqual(await calls(items), [{ name, arguments: filled }]);
    });
  }
  const asked = [user('What is the weather?'), assistant('Which location?')];
  for (const other of ['Never mind.', 'Why do you ask?', 'Thanks', 'No', 'Tell me a story']) {
    it(`does not take "${other}" for an answer`, async () =>
      assert.deepEqual(await calls([...asked, user(other)]), []));
  }
  it('asks the user to speak when the answer is blank', async () => {
    assert.equal(await reply(asked, { tools }), 'Say something, and I will answer.');
  });
  it('uses the available words when the call is forced', async () => {
    const said = 'What is the weather?';
    for (const toolChoice of ['required', { name: 'get_weather' }] as const) {
      assert.deepEqual(await calls(said, { toolChoice }), [
        { name: 'get_weather', arguments: { location: 'weather' } },
      ]);
    }
    const answered = [...asked, user('Paris')];
    assert.deepEqual((await calls(answered, { toolChoice: 'required' }))[0]?.arguments, { location: 'Paris' });
  });
});

describe('lists of words', () => {
  const order = (required: string[]) => [
    tool(
      'place_order',
      'Order pizza',
      object(
        { count: { type: 'number' }, size: { enum: ['small', 'large'] }, toppings: { type: 'array', items: string } },
        required,
      ),
    ),
  ];
  const all = ['count', 'size', 'toppings'];
  for (const [said, required, filled] of [
    ['order two large pizzas', all, { count: 2, size: 'large', toppings: [] }],
    ['order two large pizzas', [], { count: 2, size: 'large' }],
    ['order two large pizzas', ['toppings'], { count: 2, size: 'large', toppings: [] }],
    [
      'order a dozen small pizzas with ham, olives and cheese',
      all,
      { count: 12, size: 'small', toppings: ['ham', 'olives', 'cheese'] },
    ],
    ['order pizzas', ['toppings'], { toppings: [] }],
  ] as const) {
    it(`${said}, of which required: ${required}`, async () =>
      assert.deepEqual((await calls(said, { tools: order([...required]) }))[0]?.arguments, filled));
  }
});

describe('calls no tool', () => {
  for (const said of [
    'Hello',
    'thank you',
    'My name is Ada',
    'How are you?',
    'What is your name?',
    'what is 2 plus 3',
    'I like cheese',
    'What did you say?',
    'Say exactly "the weather in Paris"',
  ]) {
    it(said, async () => assert.deepEqual(await calls(said), []));
  }
  it('with tool choice none, and without tools', async () => {
    assert.deepEqual(await calls("What's the weather in Paris?", { toolChoice: 'none' }), []);
    assert.deepEqual(await calls("What's the weather in Paris?", { tools: [], toolChoice: 'required' }), []);
  });
});

describe('tool choice', () => {
  it('forces the named function', async () => {
    const [call] = await calls('Hello', { toolChoice: { name: 'set_timer' } });
    assert.deepEqual(call, { name: 'set_timer', arguments: { minutes: 0 } });
  });
  it('required picks the best match, or the first', async () => {
    assert.equal((await calls('a search', { toolChoice: 'required' }))[0]?.name, 'web_search');
    assert.equal((await calls('Hello', { toolChoice: 'required' }))[0]?.name, 'get_weather');
    assert.equal((await calls([], { toolChoice: 'required' }))[0]?.name, 'get_weather');
  });
  it('a directive does not override a forced call', async () => {
    const changes = { toolChoice: { name: 'get_weather' }, instructions: 'Say exactly "X"' };
    assert.equal((await calls('Paris', changes))[0]?.name, 'get_weather');
  });
});

describe('after the output of a tool', () => {
  const asked = user("What's the weather in Paris?");
  const call = (callId = 'a', name = 'get_weather'): ContextItem => ({ type: 'call', callId, name, arguments: '{}' });
  const output = (text: string, callId = 'a'): ContextItem => ({ type: 'call_output', callId, output: text });
  const rows: readonly (readonly [output: string, spoken: string])[] = [
    ['It is sunny.', 'It is sunny.'],
    ['{"temperature":21,"conditions":"sunny"}', 'temperature: 21, conditions: sunny.'],
    [
      '{"temperature_c":21,"windSpeed":null,"now":{"rain":false}}',
      'temperature c: 21, wind speed: none, now: rain: no.',
    ],
    ['["red","green"]', 'red, green.'],
    ['[{"name":"A"},{"name":"B"}]', 'name: A; name: B.'],
    ['{"result":"sunny"}', 'sunny.'],
    ['{"error":"no such city"}', 'That did not work: no such city.'],
    ['"quoted"', 'quoted'],
    ['{"success":true}', 'Done.'],
    ['null', 'Done.'],
    ['', 'Done.'],
    ['{broken', '{broken'],
    ['21', '21'],
  ];
  for (const [given, spoken] of rows) {
    it(`speaks ${given}`, async () => assert.equal(await reply([asked, call(), output(given)], { tools }), spoken));
  }
  it('joins several', async () => {
    const items = [asked, call('a'), call('b', 'get_time'), output('Sunny.', 'a'), output('Noon.', 'b')];
    assert.equal(await reply(items, { tools }), 'Sunny. Noon.');
  });
  it('calls again only when the client forces it', async () => {
    const items = [asked, call(), output('Sunny.')];
    assert.deepEqual(await calls(items), []);
    assert.equal((await calls(items, { toolChoice: 'required' })).length, 1);
    assert.equal((await calls(items, { toolChoice: { name: 'get_weather' } })).length, 1);
  });
  it('calls again for the next request', async () => {
    const items = [asked, call(), output('Sunny.'), assistant('Sunny.'), user('And the weather in Rome?')];
    assert.deepEqual(await calls(items), [{ name: 'get_weather', arguments: { location: 'Rome' } }]);
  });
  it('waits for a missing output', async () => {
    assert.equal(await reply([asked, call()], { tools }), 'I am waiting for the result of get_weather.');
  });
});

describe('schemas', () => {
  const filled = async (parameters: unknown, said = 'do it') =>
    (await calls(said, { tools: [{ name: 'thing', parameters }], toolChoice: 'required' }))[0]?.arguments;
  const one = async (schema: unknown, said?: string) => filled({ properties: { x: schema }, required: ['x'] }, said);
  const rows: readonly (readonly [schema: unknown, said: string, expected: unknown])[] = [
    [{ type: 'integer', minimum: 3, maximum: 5 }, 'nothing', 3],
    [{ type: 'integer', minimum: 3, maximum: 5 }, 'nine of them', 5],
    [{ type: 'number', default: 7 }, 'nothing', 7],
    [{ type: 'number' }, 'minus two point five', -2.5],
    [{ type: 'number' }, 'it costs $1,250.50', 1250.5],
    [{ type: ['string', 'null'] }, 'in Paris', 'Paris'],
    [{ anyOf: [{ type: 'null' }, { type: 'integer' }] }, 'four', 4],
    [{ enum: ['a b', 'c'] }, 'nothing', 'a b'],
    [{ enum: ['big cat', 'small cat'] }, 'the small cat', 'small cat'],
    [{ type: 'boolean' }, 'do not', false],
    [{ type: 'array', items: { type: 'integer' } }, '1, 2 and three', [1, 2, 3]],
    [{ type: 'object', properties: { city: { type: 'string' } }, required: ['city'] }, 'in Rome', { city: 'Rome' }],
  ];
  for (const [schema, said, expected] of rows) {
    it(`${JSON.stringify(schema)} from "${said}"`, async () =>
      assert.deepEqual(await one(schema, said), { x: expected }));
  }
  for (const parameters of [
    undefined,
    null,
    3,
    'x',
    [],
    { type: 'array' },
    { properties: 7, required: 'x' },
    { required: [null] },
  ]) {
    it(`takes ${JSON.stringify(parameters)} for no arguments`, async () =>
      assert.deepEqual(await filled(parameters), {}));
  }
  it('fills a required property without a schema, whatever its name', async () => {
    const events = await eventsOf(
      requestOf([user('in Paris')], {
        tools: [{ name: 't', parameters: { required: ['__proto__'] } }],
        toolChoice: 'required',
      }),
    );
    assert.equal(textOf(events), '');
    assert.deepEqual(Object.keys(callsOf(events)[0]?.arguments ?? {}), ['__proto__']);
  });
});
