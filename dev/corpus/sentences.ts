/**
 * The texts of the corpus, in two halves: parameters are chosen on `tuning`, and figures reported on `held-out`. In turns,
 * `|` marks a pause.
 */

export const splits = ['tuning', 'held-out'] as const;
export type Split = (typeof splits)[number];

/** The positions of pauses within turns. */
export const pauseKinds = ['filler', 'conjunction', 'function word', 'number', 'list', 'clause', 'sentence'] as const;
export type PauseKind = (typeof pauseKinds)[number];

interface Texts {
  /** Embedded voices of the users. */
  voices: readonly string[];
  turns: Record<PauseKind | 'none', readonly string[]>;
  interruptions: readonly string[];
  backChannels: readonly string[];
  television: readonly string[];
}

export const texts: Record<Split, Texts> = {
  tuning: {
    voices: ['alloy', 'echo'],
    turns: {
      none: [
        'What time does the museum open tomorrow?',
        'Please turn off the lights in the kitchen.',
        'Yes, I think so.',
        'My order has not arrived yet.',
        'How much does the large one cost?',
        'I would like to speak to a person.',
        'No, thank you.',
        'It was about three in the afternoon.',
      ],
      filler: [
        'I would like to book, um, | a table for four people.',
        'My name is, uh, | Peter Miller.',
        'So the thing is, um, | my card does not work any more.',
      ],
      conjunction: [
        'I want to change my flight because | my meeting was moved to Friday.',
        'We have two children and | a very old dog.',
        'I tried to call you, but | nobody answered the phone.',
      ],
      'function word': [
        'I am looking for a hotel in the | center of the city.',
        'Can you give me directions to the | nearest station?',
        'I would like to send this parcel to | my sister in Dublin.',
      ],
      number: [
        'My number is five five five | two one four | nine eight.',
        'The code is seven three | zero four.',
        'It costs twenty | seven dollars.',
      ],
      list: [
        'I need apples, | pears, | and some bread.',
        'We are going to Paris, | Rome, | and Vienna.',
        'Please invite Anna, | Robert, | and Julia.',
      ],
      clause: [
        'If it rains tomorrow, | can we move the party inside?',
        'When I open the door, | the alarm goes off.',
        'The man that I met yesterday | wants to buy the house.',
      ],
      sentence: [
        'I called this morning. | Nobody could help me.',
        'I have a question. | Is breakfast included?',
        'That was not the problem. | The battery is empty.',
      ],
    },
    interruptions: [
      'Wait, I meant the other one.',
      'No, not that one.',
      'Can you say that again?',
      'Stop.',
      'Actually, let me ask you something else.',
      'Yes, but what about Friday?',
      'I already know all of that.',
      'Hold on a second.',
      'How long does it take?',
      'Okay, but I need it today.',
    ],
    backChannels: ['Yeah.', 'Okay.', 'Right.', 'Uh huh.'],
    television: [
      'The weather in the north will be cloudy, with rain in the evening and strong wind on the coast.',
      'And now we return to the studio, where our guests have been talking about the new stadium.',
    ],
  },
  'held-out': {
    voices: ['cedar', 'ash'],
    turns: {
      none: [
        'Where can I park my car near the theater?',
        'Could you remind me to water the plants?',
        'That sounds good to me.',
        'The screen of my phone is broken.',
        'Which of these two is better?',
        'I forgot my password again.',
        'Not right now.',
        'She arrived on Sunday morning.',
        'Please cancel my appointment.',
        'Do you have this in a smaller size?',
      ],
      filler: [
        'I wanted to ask you, um, | about the second invoice.',
        'We live in, uh, | the white house on the corner.',
        'It all started, um, | when we moved the router.',
        'Could you, uh, | read me the last message?',
      ],
      conjunction: [
        'I cannot come on Tuesday because | I have to see a doctor.',
        'The room was clean and | the view was wonderful.',
        'I would take the train, but | it leaves too early.',
        'You can pay by card or | with a check.',
      ],
      'function word': [
        'I left my umbrella on the | bus to the airport.',
        'Please put an appointment in my | calendar for Monday.',
        'I have been waiting for | almost an hour.',
        'She is the manager of the | whole department.',
      ],
      number: [
        'You can reach me at six one seven | three three | eight two.',
        'The order number is nine four | one one | five.',
        'My birthday is the twenty | third of May.',
        'There were four hundred | and twelve people.',
      ],
      list: [
        'I play the piano, | the violin, | and the drums.',
        'We have red, | green, | and yellow ones.',
        'Buy milk, | a dozen eggs, | and a little butter.',
        'I speak English, | Spanish, | and some German.',
      ],
      clause: [
        'If the shop is closed, | I will come back on Thursday.',
        'After we had finished dinner, | the neighbors came over.',
        'The book that you gave me | is really exciting.',
        'As soon as the package arrives, | please let me know.',
      ],
      sentence: [
        'The printer is making a strange noise. | It began last week.',
        'I was in your store today. | The staff was very friendly.',
        'We missed the last bus. | Could somebody pick us up?',
        'My flight was cancelled. | I need a hotel for tonight.',
      ],
    },
    interruptions: [
      'Hang on, that is not what I asked.',
      'No, I want the blue one.',
      'What was the price again?',
      'Wait.',
      'Let me stop you there.',
      'Yes, but is it open on Sunday?',
      'You told me that before.',
      'One moment please.',
      'Who is going to pay for it?',
      'Sure, but can we do it tomorrow?',
      'Never mind, I found it.',
      'Skip this part please.',
    ],
    backChannels: ['Yeah.', 'I see.', 'Okay.', 'Mm.', 'Right.', 'Sure.'],
    television: [
      'The home team scored twice in the second half, and the crowd went home happy after a long season.',
      'In the next part of our program a famous chef will show you how to cook a soup from vegetables.',
    ],
  },
};

/** The answer that is interrupted. It ends without a question. */
export const longAnswer =
  'Let me explain how the garden was built. In the first year the ground was cleared, and the old walls were repaired by hand. ' +
  'Then the paths were laid with flat stones from the river, which took a whole summer. The trees came from a small nursery in the hills, ' +
  'and each of them was carried up the road on a cart. In the second year the fountain was added, with a basin of dark granite. ' +
  'After that the gardeners planted roses along the southern side, where the sun is strongest in the afternoon. ' +
  'Since then the garden has been open to visitors from April until the end of October.';
