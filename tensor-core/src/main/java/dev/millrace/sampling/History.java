package dev.millrace.sampling;

/**
 * What stands in front of a token that is chosen.
 *
 * @param tokens the prompt, then the output; not changed
 * @param promptLength how many are the prompt's
 * @param length how many there are; also the position of the token that is chosen
 */
public record History(int[] tokens, int promptLength, int length) {
  public History {
    if (promptLength < 0 || promptLength > length || length > tokens.length) {
      throw new IllegalArgumentException(
          "%d of the prompt, %d in all, in an array of %d"
              .formatted(promptLength, length, tokens.length));
    }
  }
}
