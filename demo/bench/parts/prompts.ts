/** Common words: one token each in most vocabularies. */
const WORDS = (
  'the of and to in is that for it was on are as with his they at be this from have or by one had ' +
  'not but what all were when we there can an your which their said if do will each about how up out ' +
  'them then she many some so these would other into has more her two like him see time could no make ' +
  'than first been its who now people my made over did down only way find use may water long little'
).split(' ');

/** Another prompt each time, so that nothing of an earlier one can be reused. */
export function randomPrompt(words: number): string {
  return Array.from({ length: words }, pickWord).join(' ');
}

function pickWord(): string {
  return WORDS[Math.floor(Math.random() * WORDS.length)] ?? 'the';
}

/** What stands in the field already, and what is typed after it, key by key. */
export const PREFIX =
  'Dear Mr Keller, thank you for your letter about the damaged garden fence. We have looked at the ' +
  'photographs you sent and we agree that the storm in the first week of March is the most likely cause. ' +
  'Our inspector came to see you on Tuesday, and his report says that four posts and about nine metres of ' +
  'the fence have to be replaced. ';
export const TYPED = 'Please send us the invoice of the carpenter';
