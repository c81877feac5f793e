package dev.millrace.server;

import dev.millrace.model.ModelFile;
import dev.millrace.model.TensorData;
import dev.millrace.network.NetworkConfig;
import dev.millrace.tensor.ElementType;
import dev.millrace.v1.Model;
import java.util.EnumMap;
import java.util.Map;

/** What ModelService tells of a model. */
final class ModelDescription {
  private ModelDescription() {}

  static Model of(String name, ModelFile file, NetworkConfig config) {
    Map<ElementType, Long> parameters = new EnumMap<>(ElementType.class);
    for (TensorData tensor : file.tensors().values()) {
      long count = tensor.shape().stream().reduce(1L, Math::multiplyExact);
      parameters.merge(tensor.type(), count, Math::addExact);
    }
    return Model.newBuilder()
        .setName(name)
        .setArchitecture(config.architecture())
        .setParameterCount(parameters.values().stream().reduce(0L, Math::addExact))
        .setWeightType(
            parameters.entrySet().stream()
                .max(Map.Entry.comparingByValue())
                .map(most -> most.getKey().name())
                .orElse(""))
        .setContextLength(config.contextLength())
        .setVocabularySize(config.vocabulary())
        .setHasChatTemplate(file.metadata().has("tokenizer.chat_template"))
        .setFingerprint(file.fingerprint())
        .build();
  }
}
