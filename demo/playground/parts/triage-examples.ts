/** As customers write: some clear, some vague, and two that no bank's topic fits. */
export const EXAMPLES: readonly string[] = [
  'My card still has not arrived.',
  'I was charged twice for one coffee.',
  'How do I change my PIN?',
  'The exchange rate abroad looks wrong.',
  'Someone stole my phone!',
  'Something is wrong with my money.',
  'Where do I find good pizza?',
  'Will it rain on Sunday?',
];
