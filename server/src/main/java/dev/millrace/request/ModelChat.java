package dev.millrace.request;

import dev.millrace.model.Metadata;
import dev.millrace.template.ChatTemplate;
import dev.millrace.template.Conversation;
import dev.millrace.template.Rendering;
import dev.millrace.template.TemplateException;
import dev.millrace.tokenizer.Tokenizer;
import java.nio.charset.StandardCharsets;
import java.time.Clock;
import java.time.ZoneId;
import java.util.Optional;
import java.util.OptionalInt;

/**
 * How a model's conversations become text.
 *
 * @param forTools the template for conversations with tools, where the model has one of its own
 * @param bosToken its text
 */
public record ModelChat(
    ChatTemplate template,
    Optional<ChatTemplate> forTools,
    Optional<String> bosToken,
    Optional<String> eosToken) {
  /** What templates tell the date by, unless a stream is taken up again. */
  public static final Clock LOCAL_TIME = Clock.system(ZoneId.systemDefault());

  private static final String KEY = "tokenizer.chat_template";

  /**
   * Empty where the model has no template.
   *
   * @throws TemplateException naming line and construct that the template has wrong, or that aren't
   *     supported
   */
  public static Optional<ModelChat> from(Metadata metadata, Tokenizer tokenizer) {
    return metadata
        .findString(KEY)
        .map(ChatTemplate::compile)
        .map(
            template ->
                of(
                    template,
                    metadata.findString(KEY + ".tool_use").map(ChatTemplate::compile),
                    tokenizer));
  }

  /** With the special tokens of a tokenizer. */
  public static ModelChat of(
      ChatTemplate template, Optional<ChatTemplate> forTools, Tokenizer tokenizer) {
    return new ModelChat(
        template, forTools, text(tokenizer, tokenizer.bos()), text(tokenizer, tokenizer.eos()));
  }

  private static Optional<String> text(Tokenizer tokenizer, OptionalInt id) {
    return id.isPresent()
        ? Optional.of(new String(tokenizer.piece(id.getAsInt()), StandardCharsets.UTF_8))
        : Optional.empty();
  }

  /**
   * @param clock for templates that tell the date
   * @throws TemplateException if the template refuses the conversation, or fails
   */
  public Rendering render(Conversation conversation, Clock clock) {
    ChatTemplate chosen = conversation.tools().isEmpty() ? template : forTools.orElse(template);
    return chosen.render(conversation.variables(bosToken, eosToken), clock);
  }
}
