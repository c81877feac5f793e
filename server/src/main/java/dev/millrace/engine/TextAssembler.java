package dev.millrace.engine;

import dev.millrace.tokenizer.TextDecoder;
import java.util.List;

/**
 * Turns generated tokens into text that may be told: whole characters, and nothing that may turn
 * out to be a stop. What is held back depends on the tokens alone, so a stream that is taken up
 * again goes on with exactly what was missing.
 */
final class TextAssembler {
  private final TextDecoder decoder;
  private final List<String> stops;
  private final StopMatcher matcher;
  private final boolean includeStop;
  private final StringBuilder pending = new StringBuilder(); // what is ready, then what is held
  private int held;
  private String stopText = "";

  /**
   * @param decoder has read the prompt: a character may begin there
   * @param includeStop a stop's own text is told too, so nothing is held back for it
   */
  TextAssembler(TextDecoder decoder, List<String> stops, boolean includeStop) {
    this.decoder = decoder;
    this.stops = stops;
    this.matcher = new StopMatcher(stops);
    this.includeStop = includeStop;
  }

  /** Puts text in front that isn't generated: no stop is looked for in it. */
  void prepend(String text) {
    pending.insert(0, text);
  }

  /**
   * Adds a token's text.
   *
   * @param stopsCount whether a stop that is complete now ends the text
   * @return whether one did: what comes behind it, even in the same token, is dropped
   */
  boolean add(int id, boolean stopsCount) {
    String text = decoder.add(id);
    for (int i = 0; i < text.length(); i++) {
      pending.append(text.charAt(i));
      int stop = matcher.next(text.charAt(i));
      if (stop != StopMatcher.NONE && stopsCount) {
        stopText = stops.get(stop);
        held = 0;
        if (!includeStop) {
          pending.setLength(pending.length() - stopText.length());
        }
        return true;
      }
    }
    held = includeStop ? 0 : matcher.held();
    return false;
  }

  /**
   * No more tokens come and no stop matched: what was held back is ready, and bytes that never
   * became a character come out as U+FFFD.
   */
  void finish() {
    pending.append(decoder.finish());
    held = 0;
  }

  /** The stop that matched; empty if none did. */
  String stopText() {
    return stopText;
  }

  boolean hasReady() {
    return pending.length() > held;
  }

  /** Takes the text that is ready. */
  String take() {
    int ready = pending.length() - held;
    String text = pending.substring(0, ready);
    pending.delete(0, ready);
    return text;
  }
}
