namespace PerfCompare.Agent.Flavours;

/// <summary>Sampling options; null is the server's default.</summary>
internal sealed record OllamaOptions(double Temperature, int? Seed, int? NumPredict);
