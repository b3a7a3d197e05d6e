using OllamaSharp;
using PerfCompare.Agent.Messages;
using PerfCompare.Agent.Model;

namespace PerfCompare.Agent.Flavours;

/// <summary>Builds what a flavour measures, over the same instrumented transport.</summary>
internal static class CallerFactory
{
    public static IModelCaller Create(TestConfiguration configuration, ModelEndpoint endpoint)
    {
        var http = ModelHttpClient.Create(endpoint, sockets => new InstrumentedTransport(sockets));
        return configuration.Flavour switch
        {
            Flavour.Http => new HttpCaller(http, configuration),
            Flavour.Client => new ClientCaller(new OllamaApiClient(http, configuration.Model), configuration),
            Flavour.Agent or Flavour.Aot => Agent(http, configuration),
            _ => throw new InvalidOperationException($"{configuration.Flavour} was let through"),
        };
    }

    private static IModelCaller Agent(HttpClient http, TestConfiguration configuration)
    {
        var agent = AgentFactory.Create(http, configuration);
        return configuration.Scenario is Scenario.Structured ? new AgentCaller.Structured(agent) : new AgentCaller(agent);
    }
}
