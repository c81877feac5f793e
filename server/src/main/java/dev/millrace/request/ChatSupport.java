package dev.millrace.request;

import static dev.millrace.request.InvalidRequestException.invalid;

import dev.millrace.model.Metadata;
import dev.millrace.template.TemplateException;
import dev.millrace.tokenizer.Tokenizer;

/** Whether conversations can be had with a model. */
public sealed interface ChatSupport {
  record Available(ModelChat chat) implements ChatSupport {}

  /**
   * @param why for callers: the template is missing, or what of it isn't understood
   */
  record Unavailable(String why) implements ChatSupport {}

  /** Of a model that says nothing. */
  static ChatSupport noTemplate() {
    return new Unavailable("the model has no chat template");
  }

  static ChatSupport of(Metadata metadata, Tokenizer tokenizer) {
    try {
      return ModelChat.from(metadata, tokenizer)
          .<ChatSupport>map(Available::new)
          .orElseGet(ChatSupport::noTemplate);
    } catch (TemplateException e) {
      return new Unavailable("the model's chat template can't be used: " + e.getMessage());
    }
  }

  /**
   * @throws InvalidRequestException naming the field chat
   */
  default ModelChat require() {
    return switch (this) {
      case Available available -> available.chat();
      case Unavailable unavailable ->
          throw invalid("chat", unavailable.why() + "; give text or token_ids");
    };
  }
}
