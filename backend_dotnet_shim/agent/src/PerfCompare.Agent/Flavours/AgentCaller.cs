using Microsoft.Agents.AI;
using Microsoft.Extensions.AI;
using PerfCompare.Agent.Model;
using PerfCompare.Agent.Scenarios;

namespace PerfCompare.Agent.Flavours;

/// <summary>The framework's agent.</summary>
internal sealed class AgentCaller(AIAgent agent) : IModelCaller
{
    public async ValueTask<object> OpenSessionAsync() => await agent.CreateSessionAsync().ConfigureAwait(false);

    public Task CallAsync(Iteration iteration, CancellationToken cancellationToken) =>
        agent.RunAsync(iteration.Prompt, (AgentSession?)iteration.Session, cancellationToken: cancellationToken);

    public async Task StreamAsync(Iteration iteration, CancellationToken cancellationToken)
    {
        var updates = agent.RunStreamingAsync(
            iteration.Prompt,
            (AgentSession?)iteration.Session,
            cancellationToken: cancellationToken);
        await foreach (var update in updates.ConfigureAwait(false))
        {
            See(update, iteration);
        }
    }

    private static void See(AgentResponseUpdate update, Iteration iteration)
    {
        if (update.Text.Length > 0)
        {
            iteration.SeeText();
        }
    }

    /// <summary>The same agent, asked for a typed answer.</summary>
    internal sealed class Structured(AIAgent agent) : IModelCaller
    {
        private static readonly AgentRunOptions s_options = new()
        {
            ResponseFormat = ChatResponseFormat.ForJsonSchema<CityFacts>(AnswerJsonContext.Default.Options),
        };

        public async ValueTask<object> OpenSessionAsync() => await agent.CreateSessionAsync().ConfigureAwait(false);

        public async Task CallAsync(Iteration iteration, CancellationToken cancellationToken)
        {
            var response = await agent.RunAsync<CityFacts>(
                iteration.Prompt,
                (AgentSession?)iteration.Session,
                AnswerJsonContext.Default.Options,
                cancellationToken: cancellationToken).ConfigureAwait(false);
            iteration.Parse(() => response.Result);
        }

        /// <summary>The framework has no typed stream: the pieces are put together and read at the end.</summary>
        public async Task StreamAsync(Iteration iteration, CancellationToken cancellationToken)
        {
            var pieces = new List<AgentResponseUpdate>();
            var updates = agent.RunStreamingAsync(
                iteration.Prompt,
                (AgentSession?)iteration.Session,
                s_options,
                cancellationToken);
            await foreach (var update in updates.ConfigureAwait(false))
            {
                See(update, iteration);
                pieces.Add(update);
            }

            var response = new AgentResponse<CityFacts>(pieces.ToAgentResponse(), AnswerJsonContext.Default.Options);
            iteration.Parse(() => response.Result);
        }
    }
}
