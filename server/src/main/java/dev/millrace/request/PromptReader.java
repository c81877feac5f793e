package dev.millrace.request;

import static dev.millrace.request.InvalidRequestException.invalid;

import dev.millrace.request.InvalidRequestException.Kind;
import dev.millrace.template.Rendering;
import dev.millrace.v1.GenerateRequest;
import java.time.Clock;
import java.util.Locale;

/**
 * The prompt as token ids. Costs time linear in its length (and a logarithm): never on an event
 * loop.
 */
final class PromptReader {
  private PromptReader() {}

  /**
   * At least one token, and room left for at least one more.
   *
   * @param clock for chat templates that tell the date
   */
  static int[] read(GenerateRequest asked, ModelProfile model, Clock clock) {
    int[] prompt =
        switch (asked.getPromptCase()) {
          case TEXT -> tokenize(asked, model);
          case TOKEN_IDS -> takeIds(asked, model);
          case CHAT -> renderChat(asked, model, clock);
          case PROMPT_NOT_SET ->
              throw invalid("prompt", "missing; give one of text, token_ids, chat");
        };
    if (prompt.length == 0) {
      throw invalid(field(asked), "the prompt has no token; at least one is needed");
    }
    if (prompt.length >= model.maxPositions()) {
      throw tooLong(asked, prompt.length + " tokens", model);
    }
    return prompt;
  }

  private static int[] tokenize(GenerateRequest asked, ModelProfile model) {
    int bytes = asked.getTextBytes().size();
    if (bytes > (long) model.maxPositions() * model.longestPiece()) {
      throw tooLong(asked, bytes + " bytes", model);
    }
    // Unset is as the model file says: the tokenizer adds what the file wants, maybe nothing.
    boolean addSpecial = !asked.hasAddSpecialTokens() || asked.getAddSpecialTokens();
    return model.tokenizer().encode(asked.getText(), addSpecial, asked.getParseSpecialTokens());
  }

  /** What is for text prompts only. */
  static void refuseTextOptions(GenerateRequest asked) {
    if (asked.hasAddSpecialTokens()) {
      throw invalid("add_special_tokens", "is for a text prompt; a chat template writes its own");
    }
    if (asked.getParseSpecialTokens()) {
      throw invalid("parse_special_tokens", "is for a text prompt; a chat template writes its own");
    }
  }

  private static int[] renderChat(GenerateRequest asked, ModelProfile model, Clock clock) {
    refuseTextOptions(asked);
    Rendering rendering = ChatReader.render(asked.getChat(), model, clock);
    int characters = rendering.text().length();
    if (characters > (long) model.maxPositions() * model.longestPiece()) {
      throw tooLong(asked, characters + " characters", model);
    }
    return ChatReader.encode(rendering, model);
  }

  private static int[] takeIds(GenerateRequest asked, ModelProfile model) {
    if (asked.hasAddSpecialTokens()) {
      throw invalid("add_special_tokens", "is for a text prompt; token_ids are taken as they are");
    }
    if (asked.getParseSpecialTokens()) {
      throw invalid(
          "parse_special_tokens", "is for a text prompt; token_ids are taken as they are");
    }
    int count = asked.getTokenIds().getIdsCount();
    if (count >= model.maxPositions()) {
      throw tooLong(asked, count + " tokens", model);
    }
    return Checks.tokenIds(
        "token_ids.ids", asked.getTokenIds().getIdsList(), model.tokenizer().vocabularySize());
  }

  private static InvalidRequestException tooLong(
      GenerateRequest asked, String size, ModelProfile model) {
    return new InvalidRequestException(
        Kind.NEVER_FITS,
        field(asked),
        "the prompt has "
            + size
            + " and can never fit: with one new token, at most "
            + model.maxPositions()
            + " tokens do (the model's context holds "
            + model.contextLength()
            + ", the KV pool "
            + model.poolTokens()
            + ")");
  }

  private static String field(GenerateRequest asked) {
    return asked.getPromptCase().name().toLowerCase(Locale.ROOT);
  }
}
